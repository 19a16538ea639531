"""What tests of several packages share: a real S3 server over HTTP, and a slice of the real flights."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kept_results import keep_costly_results

# Threads that wait actively for a core that another process of tests has make fits many times slower. Read by the libraries
# when they are loaded, here and in the processes that tests start.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

FLIGHT_SPEC = """
name: flight_delay
description: A slice of the demo's model, small enough for tests.
task: classification
source:
  uri: flights/
  event_time: event_time
  key: [flight_date, carrier, flight, origin]
  window: {days: 60}
target: {column: late, label_delay_days: 1}
features:
  numeric: [hour, day_of_week, distance, plane_age, temp, wind_speed, precip, visib]
  categorical: [carrier, origin, dest]
validation:
  - type: expect_column_values_to_be_between
    kwargs: {column: distance, min_value: 1, max_value: 6000}
  - type: expect_column_values_to_be_in_set
    kwargs: {column: origin, value_set: [EWR, JFK, LGA]}
model:
  estimator: sklearn.ensemble.HistGradientBoostingClassifier
  params: {max_iter: 20}
  seed: 1
evaluation:
  holdout: {days: 10}
  primary: roc_auc
  gates: {minimum: {roc_auc: 0.55}, tolerance: 0.02}
"""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole files, since their tests share costly fixtures, and one of them all tests of the cluster."""
    from xdist.scheduler import LoadFileScheduling

    class WholeFiles(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            cluster = "tests/distributed"
            return cluster if nodeid.startswith(cluster) else super()._split_scope(nodeid)

    return WholeFiles(config, log)


def pytest_runtest_setup() -> None:
    """Before each test, since many modules are imported by tests only when they run."""
    keep_costly_results()


@dataclass(frozen=True)
class S3Server:
    """A moto server in a process of its own, on 127.0.0.1. It forgets everything when it ends."""

    endpoint: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment for boto3 to reach this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }

    def client(self, **settings: Any) -> Any:
        """Make a boto3 S3 client; `settings` go to botocore's Config."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
            config=Config(proxies={}, **settings),
        )

    def new_bucket(self) -> str:
        """Make an empty bucket that no other test uses."""
        name = f"test-{uuid.uuid4().hex}"
        self.client().create_bucket(Bucket=name)
        return name

    def keys(self, bucket: str) -> list[str]:
        """Return the keys of all objects of a bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


@contextmanager
def running_s3_server(folder: Path, **environment: str) -> Iterator[S3Server]:
    """Run S3 as moto's server speaks it, over HTTP; its log is in the folder."""
    port = _free_port()
    log = folder / "moto.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("s3_server.py"), "-H", "127.0.0.1", "-p", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "MOTO_PORT": str(port), **environment},
        )
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/moto-api/", process, log)
        yield S3Server(endpoint=f"http://127.0.0.1:{port}", pid=process.pid)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """S3 over HTTP; one for the whole test session."""
    with running_s3_server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables in a SQLite file; making them takes seconds, copying the file does not."""
    from perennial.registry.sqlite_tracking import ensure_schema

    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    ensure_schema(database)
    return database


@pytest.fixture
def mlflow_uri(mlflow_template: Path, tmp_path: Path) -> str:
    """Tracking URI of an MLflow of the test's own, on SQLite; artifacts lie beside the file."""
    database = tmp_path / "mlflow" / "mlflow.db"
    database.parent.mkdir()
    shutil.copyfile(mlflow_template, database)
    return f"sqlite:///{database}"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            direct.open(url, timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the S3 server did not start:\n{log.read_text()}")


def land_slice(data_root: Path, month: int) -> Path:
    """Write two carriers' flights of a month where `flight_spec` looks for them."""
    from demo.flights import month_of_flights  # the demo's own preparation, at the repository's root

    rows = month_of_flights(month)
    path = data_root / "flights" / f"2013-{month:02}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows[rows["carrier"].isin(["B6", "US"])].to_parquet(path, index=False)
    return path


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data root with January and February."""
    data_root = tmp_path_factory.mktemp("data")
    for month in (1, 2):
        land_slice(data_root, month)
    return data_root


@pytest.fixture(scope="session")
def flight_spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the spec's YAML file."""
    path = tmp_path_factory.mktemp("models") / "flight_delay.yaml"
    path.write_text(FLIGHT_SPEC)
    return path
