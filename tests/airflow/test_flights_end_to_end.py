"""The whole DAG on real flights: Great Expectations, MLflow, the store and Airflow are the real ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.tracking import MlflowClient

from perennial.store import open_store
from tests.conftest import S3Server, land_slice

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

EVERY_TASK = ["ingest", "validate", "train", "evaluate", "decide", "refit", "register", "promote"]


@pytest.fixture
def registry(deployment: Path) -> MlflowClient:
    """MLflow as the DAG runs see it."""
    return MlflowClient(f"sqlite:///{deployment}/mlflow.db")


def test_a_first_retraining_makes_a_champion_and_a_worse_one_after_it_a_challenger(
    deployment: Path,
    registry: MlflowClient,
    models: Path,
    flights: Path,
    flight_spec: Path,
    run_dag: Callable[..., Any],
) -> None:
    shutil.copytree(flights, deployment / "data")
    shutil.copy(flight_spec, models)

    first = run_dag("flight_delay.retrain", reason="the first")

    assert first.state == "success"
    assert first.tasks == dict.fromkeys(EVERY_TASK, "success")
    assert first.xcoms["decide"]["outcome"] == "promote"
    version = registry.get_model_version_by_alias("flight_delay", "champion")
    assert str(version.version) == first.xcoms["promote"]["version"]
    assert version.tags["perennial.snapshot"] == first.xcoms["ingest"]["digest"]
    assert version.tags["perennial.run_id"] == first.run_id
    assert version.tags["perennial.reason"] == "the first"
    assert version.tags["perennial.verdict"] == "promote"

    land_slice(deployment / "data", 3)
    harder = yaml.safe_load(flight_spec.read_text())
    harder["evaluation"]["gates"]["minimum"] = {"roc_auc": 0.999}
    (models / "flight_delay.yaml").write_text(yaml.safe_dump(harder))
    second = run_dag("flight_delay.retrain")

    assert second.state == "success"
    assert second.tasks == dict.fromkeys(EVERY_TASK, "success") | {"refit": "skipped", "promote": "skipped"}
    assert second.xcoms["decide"]["outcome"] == "reject"
    assert "0.999" in second.xcoms["decide"]["sentence"]
    assert second.xcoms["decide"]["champion_version"] == first.xcoms["promote"]["version"]
    assert second.xcoms["ingest"]["digest"] != first.xcoms["ingest"]["digest"]
    assert registry.get_model_version_by_alias("flight_delay", "champion").version == version.version
    challenger = registry.get_model_version_by_alias("flight_delay", "challenger")
    assert str(challenger.version) == second.xcoms["register"]["version"]
    assert challenger.tags["perennial.verdict"] == "reject"


def test_a_dry_run_registers_nothing(
    deployment: Path,
    registry: MlflowClient,
    models: Path,
    flights: Path,
    flight_spec: Path,
    run_dag: Callable[..., Any],
) -> None:
    shutil.copytree(flights, deployment / "data")
    shutil.copy(flight_spec, models)

    run = run_dag("flight_delay.retrain", dry_run=True)

    assert run.state == "success"
    assert run.tasks["decide"] == "success"
    assert (run.tasks["register"], run.tasks["promote"]) == ("skipped", "skipped")
    assert registry.search_registered_models() == []


def test_source_and_store_may_lie_on_s3(
    deployment: Path,
    registry: MlflowClient,
    models: Path,
    flights: Path,
    flight_spec: Path,
    s3_server: S3Server,
    run_dag: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    bucket = s3_server.new_bucket()
    monkeypatch.setenv("PERENNIAL_STORE", f"s3://{bucket}/store")
    for path in sorted((flights / "flights").iterdir()):
        s3_server.client().upload_file(str(path), bucket, f"landing/flights/{path.name}")
    spec = yaml.safe_load(flight_spec.read_text())
    spec["source"]["uri"] = f"s3://{bucket}/landing/flights"
    (models / "flight_delay.yaml").write_text(yaml.safe_dump(spec))

    run = run_dag("flight_delay.retrain")

    assert run.state == "success"
    assert run.tasks == dict.fromkeys(EVERY_TASK, "success")
    assert registry.get_model_version_by_alias("flight_delay", "champion").version == 1
    keys = [item.key for item in open_store(f"s3://{bucket}/store").list()]
    digest = run.xcoms["ingest"]["digest"]
    assert f"flight_delay/snapshots/{digest}/manifest.json" in keys
    assert any(key.endswith("/data_docs.html") for key in keys)
    assert any(key.endswith("/verdict.json") for key in keys)
