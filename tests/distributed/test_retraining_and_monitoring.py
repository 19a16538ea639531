"""The two DAGs through Celery workers that share nothing but the store, MLflow and the metadata database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery
from mlflow import MlflowClient

from tests.distributed.cluster import Cluster
from tests.distributed.models import land_flights
from tests.distributed.rest import Runs

if TYPE_CHECKING:
    from tests.conftest import S3Server
    from tests.distributed.conftest import Buckets

RETRAIN, MONITOR = "flight_delay.retrain", "flight_delay.monitor"


@pytest.fixture(scope="module")
def retrained(cluster: Cluster) -> dict[str, Any]:
    """A retraining whose worker stops taking tasks while it ingests, so that another goes on; the run's tasks."""
    with Runs(cluster, "operator") as operator:
        workers = Celery(broker=cluster.redis.url).control
        workers.cancel_consumer("default", destination=["celery@us"])
        run_id = operator.start(RETRAIN)
        cluster.wait_until(
            lambda: operator.instances(RETRAIN, run_id).get("ingest", {}).get("state") in ("running", "success"),
            what="the first task",
        )
        workers.cancel_consumer("default", destination=["celery@eu"])
        workers.add_consumer("default", destination=["celery@us"])
        tasks = operator.end(RETRAIN, run_id)
        workers.add_consumer("default", destination=["celery@eu"])
        return tasks


def test_a_retraining_goes_from_worker_to_worker(retrained: dict[str, Any], cluster: Cluster) -> None:
    assert {task["state"] for task in retrained.values()} == {"success"}
    assert retrained["ingest"]["hostname"] == "eu"
    assert {retrained[later]["hostname"] for later in ("evaluate", "decide", "register", "promote")} == {"us"}
    (version,) = MlflowClient(cluster.mlflow_url).search_model_versions("name='flight_delay'")
    assert "champion" in MlflowClient(cluster.mlflow_url).get_model_version("flight_delay", version.version).aliases
    assert version.tags["perennial.triggered_by"] == "manual by operator"


def test_nothing_stays_on_the_workers_disks(
    retrained: dict[str, Any], cluster: Cluster, s3_server: S3Server, buckets: Buckets
) -> None:
    kept = s3_server.keys(buckets.stores["everybody"])

    assert any(key.endswith("/manifest.json") for key in kept)
    assert any(key.endswith("/data_docs.html") for key in kept)
    assert any("/artifacts/" in key for key in s3_server.keys(buckets.artifacts))
    for worker in ("eu", "us"):
        home = cluster.worker_log(worker).parent
        files = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
        # Airflow's own settings, and matplotlib's list of fonts.
        assert [path for path in files if path.parts[0] not in ("worker.log", "airflow", ".cache")] == []


def test_a_check_finds_drift_and_its_retraining_runs(
    retrained: dict[str, Any],
    cluster: Cluster,
    operator: Runs,
    s3_server: S3Server,
    buckets: Buckets,
    tmp_path: Path,
) -> None:
    land_flights(s3_server, buckets.landing["everybody"], tmp_path, 7)

    run_id = operator.start(MONITOR)
    tasks = operator.end(MONITOR, run_id)

    assert {task["state"] for task in tasks.values()} == {"success"}
    decision = operator.result(MONITOR, run_id, "govern")["decision"]
    assert decision["outcome"] == "trigger"
    triggered = operator.end(RETRAIN, decision["run_id"])
    assert {triggered[step]["state"] for step in ("ingest", "validate", "train", "evaluate", "decide")} == {"success"}
    versions = MlflowClient(cluster.mlflow_url).search_model_versions("name='flight_delay'")
    (after,) = [version for version in versions if version.tags["perennial.run_id"] == decision["run_id"]]
    assert after.tags["perennial.triggered_by"] == "drift check 1"
