"""One cluster for all tests of this folder. Where PostgreSQL or Redis is missing, they are skipped, and it is said aloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import S3Server
from tests.distributed.cluster import Cluster, Settings, Worker, running_cluster
from tests.distributed.debian import PACKAGES, missing
from tests.distributed.models import REGIONS, land_flights, land_orders, write_specs
from tests.distributed.rest import Runs

SKIPPED = f"no {' and no '.join(missing())} here: apt-get install {PACKAGES}" if missing() else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder; a cluster's start takes most of a minute."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.distributed)
            item.add_marker(pytest.mark.timeout(600))
            if SKIPPED:
                item.add_marker(pytest.mark.skip(reason=SKIPPED))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested: the reasons of skipped tests are not shown otherwise."""
    if SKIPPED and terminalreporter.stats.get("skipped"):
        terminalreporter.section("THE DISTRIBUTED PATH WAS NOT TESTED", red=True, bold=True)
        terminalreporter.line(SKIPPED, red=True)


@dataclass(frozen=True)
class Buckets:
    """Those of S3: stores and landing rows by region, everybody's under 'everybody'."""

    stores: dict[str, str]
    landing: dict[str, str]
    artifacts: str


@pytest.fixture(scope="package")
def buckets(s3_server: S3Server) -> Buckets:
    """New buckets, with rows for all models but those of the flights."""
    places = ("everybody", *REGIONS)
    landing = {place: s3_server.new_bucket() for place in places}
    for bucket in landing.values():
        land_orders(s3_server, bucket)
    return Buckets({place: s3_server.new_bucket() for place in places}, landing, s3_server.new_bucket())


@pytest.fixture(scope="package")
def cluster(s3_server: S3Server, buckets: Buckets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running cluster with a worker for each region; both take what belongs to none."""
    models = tmp_path_factory.mktemp("distributed") / "models"
    models.mkdir()
    write_specs(models, landing=buckets.landing)
    land_flights(s3_server, buckets.landing["everybody"], models.parent, 1, 2)
    workers = {
        region: Worker(
            ("default", region), {f"PERENNIAL_STORE_{region.upper()}": f"s3://{buckets.stores[region]}/rows"}
        )
        for region in REGIONS
    }
    environment = s3_server.environment | {"PERENNIAL_STORE": f"s3://{buckets.stores['everybody']}/perennial"}
    settings = Settings(models, workers, environment, f"s3://{buckets.artifacts}/mlflow", training_slots=2)
    with running_cluster(settings) as cluster:
        yield cluster


@pytest.fixture
def operator(cluster: Cluster) -> Iterator[Runs]:
    """The REST API as an operator sees it."""
    with Runs(cluster, "operator") as runs:
        yield runs
