"""A region's rows are read by its own workers and written into its own bucket only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.distributed.cluster import Cluster
from tests.distributed.models import REGIONS
from tests.distributed.rest import Runs

if TYPE_CHECKING:
    from tests.conftest import S3Server
    from tests.distributed.conftest import Buckets


def test_a_regions_models_run_on_its_worker_and_write_in_its_bucket(
    cluster: Cluster, operator: Runs, s3_server: S3Server, buckets: Buckets
) -> None:
    runs = {region: operator.start(f"{region}_orders.retrain") for region in REGIONS}
    tasks = {region: operator.end(f"{region}_orders.retrain", run_id) for region, run_id in runs.items()}

    for region in REGIONS:
        assert {task["state"] for task in tasks[region].values()} == {"success"}
        assert {(task["queue"], task["hostname"]) for task in tasks[region].values()} == {(region, region)}
        kept = s3_server.keys(buckets.stores[region])
        assert kept
        assert all(key.startswith(f"rows/{region}_orders/") for key in kept)
    everybodys = s3_server.keys(buckets.stores["everybody"])
    assert not [key for key in everybodys if any(f"/{region}_orders/" in key for region in REGIONS)]
