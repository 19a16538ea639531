"""Whole retrainings that package, rehearse and publish: what the index, MLflow and the champion are afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.package_index import PackageServer, running_index

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]
pytest.importorskip("onnxruntime")
pytest.importorskip("twine")

PASSWORD = "open-sesame"


def test_an_index_that_refuses_is_tried_again_and_a_package_that_fails_leaves_the_champion(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    load_dags: Callable[[], DagBag],
    deployment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow import MlflowClient

    from perennial.monitoring.ledger import find_failure
    from perennial.store import LocalStore

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    registry = MlflowClient(f"sqlite:///{deployment}/mlflow.db")
    publish = {"publish": {"connection": "company_pypi"}}
    add_spec(
        "sold", **publish, packages=["wheel", "onnx", "container"], rehearsal={"p95_ms": 10_000, "memory_mb": 4000}
    )
    land_orders()
    with running_index(tmp_path / "closed", takes_uploads=False) as closed:
        monkeypatch.setenv("AIRFLOW_CONN_COMPANY_PYPI", connection(closed))
        first = run_dag("sold.retrain")

    assert (first.tasks["promote"], first.tasks["publish"], first.tries["publish"]) == ("success", "failed", 1)
    failure = find_failure(LocalStore(deployment / "store"), "sold", first.run_id)
    assert failure is not None
    assert "refuses sold-2024" in failure.sentence
    assert "403 Forbidden" in failure.sentence
    assert "version 1 of sold stays champion" in failure.sentence
    assert PASSWORD not in failure.sentence
    assert [gate["name"] for gate in first.xcoms["rehearse"]["blessings"][-1]["gates"]] == [
        f"{kind} {gate}" for kind in ("wheel", "onnx", "container") for gate in ("difference", "p95", "memory")
    ]
    packages = {one["kind"]: one for one in first.xcoms["package"]["made"]}
    shown = registry.list_artifacts(first.xcoms["train"]["mlflow_run_id"], "packages")
    assert {Path(one.path).name for one in shown} == {one["file"] for one in packages.values()} | {"rehearsal.json"}

    with running_index(tmp_path / "open") as index:
        monkeypatch.setenv("AIRFLOW_CONN_COMPANY_PYPI", connection(index))
        assert run_again(load_dags().dags["sold.retrain"], first.run_id, "publish") == "success"
        published = (index.folder / packages["wheel"]["file"]).read_bytes()
        # One that needs too much memory is not better because its figures are.
        add_spec("sold", **publish, packages=["wheel"], rehearsal={"memory_mb": 1})
        land_orders(days=45)
        second = run_dag("sold.retrain")
        assert index.files == [packages["wheel"]["file"]]

    assert hashlib.sha256(published).hexdigest() == packages["wheel"]["digest"]
    assert second.state == "success"
    assert second.xcoms["decide"]["outcome"] == "promote"
    assert second.xcoms["rehearse"]["outcome"] == "reject"
    assert "MiB of memory, more than the 1" in second.xcoms["rehearse"]["sentence"]
    assert (second.tasks["promote"], second.tasks["publish"]) == ("skipped", "skipped")
    assert second.xcoms["register"]["alias"] == "challenger"
    assert registry.get_model_version_by_alias("sold", "champion").version == 1
    assert registry.list_artifacts(second.xcoms["train"]["mlflow_run_id"], "packages") == []


def connection(index: PackageServer) -> str:
    """Return an index as an Airflow connection."""
    place = {"conn_type": "generic", "host": "http://127.0.0.1", "port": index.port}
    return json.dumps({**place, "login": "worker", "password": PASSWORD})


def run_again(dag: DAG, run_id: str, task_id: str) -> str:
    """Clear one task of a run, as a person does, and run it; return its state."""
    from airflow.models.taskinstance import TaskInstance, clear_task_instances
    from airflow.sdk.definitions.dag import _run_task
    from airflow.utils.session import create_session
    from sqlalchemy import select

    of_the_run = select(TaskInstance).where(TaskInstance.run_id == run_id, TaskInstance.task_id == task_id)
    with create_session() as session:
        task = session.scalars(of_the_run).one()
        clear_task_instances([task], session)
        session.commit()
        _run_task(ti=task, task=dag.get_task(task_id))
    with create_session() as session:
        return str(session.scalars(of_the_run).one().state)
