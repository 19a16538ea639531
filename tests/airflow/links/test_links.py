"""Links lead to what a task made, and are left out where there is nothing to open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perennial.spec.reading.loader import load_spec
from perennial_airflow.links.data_docs import DataDocsLink
from perennial_airflow.links.drift_report import DriftReportLink
from perennial_airflow.links.mlflow_run import MlflowRunLink
from perennial_airflow.links.model_card import ModelCardLink
from perennial_airflow.links.model_version import ModelVersionLink
from perennial_airflow.links.triggered_run import TriggeredRunLink
from perennial_airflow.links.tuning_page import SearchProgressLink, TuningPageLink

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

CANDIDATE = {"experiment_id": "3", "mlflow_run_id": "abc"}
REGISTERED = {"name": "orders", "version": "7", "alias": None}


@dataclass(frozen=True)
class Key:
    """What links read of a task instance's key."""

    dag_id: str = "orders.retrain"
    run_id: str = "manual__2024-02-01T00:00:00+00:00"


@pytest.fixture
def returned(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the run's tasks have returned, by task: filled in by the test, asked for as a task's process asks Airflow."""
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import GetXCom, XComResult

    values: dict[str, Any] = {}

    class Supervisor:
        def send(self, asked: GetXCom) -> XComResult:
            assert (asked.key, asked.dag_id, asked.run_id) == ("return_value", Key.dag_id, Key.run_id)
            return XComResult(key=asked.key, value=values.get(asked.task_id))

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Supervisor(), raising=False)
    return values


@pytest.fixture
def task(add_spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What links read of a task."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    return SimpleNamespace(spec=load_spec(add_spec()), retraining_id=None)


def test_a_search_has_a_page_only_in_the_run_that_made_it(task: SimpleNamespace, returned: dict[str, Any]) -> None:
    assert TuningPageLink().get_link(task, ti_key=Key()) == ""
    returned["choose"] = {"searched": False}
    assert TuningPageLink().get_link(task, ti_key=Key()) == ""
    returned["choose"] = {"searched": True}
    page = "/perennial/reports/orders/runs/manual__2024-02-01T00_00_00+00_00/tuning.html"
    assert TuningPageLink().get_link(task, ti_key=Key()).endswith(page)


def test_a_version_that_was_registered_has_a_card(task: SimpleNamespace, returned: dict[str, Any]) -> None:
    assert ModelCardLink().get_link(task, ti_key=Key()) == ""
    returned["register"] = REGISTERED
    page = "/perennial/reports/orders/runs/manual__2024-02-01T00_00_00+00_00/card.html"
    assert ModelCardLink().get_link(task, ti_key=Key()).endswith(page)


def test_a_task_of_the_search_leads_to_the_trials_so_far_unless_no_search_was_due(task: SimpleNamespace) -> None:
    page = "/perennial/reports/orders/runs/manual__2024-02-01T00_00_00+00_00/tuning.html"
    for outcome, there in ((None, True), ({"study": "orders/1"}, True), ({"study": ""}, False)):
        task.outcome = outcome
        assert SearchProgressLink().get_link(task, ti_key=Key()).endswith(page) == there


def test_data_docs_need_only_model_and_run(task: SimpleNamespace) -> None:
    link = DataDocsLink().get_link(task, ti_key=Key())

    run = "manual__2024-02-01T00_00_00+00_00"
    assert link == f"http://airflow.example/perennial/reports/orders/runs/{run}/data_docs.html"


def test_the_run_in_mlflow_is_the_candidates(task: SimpleNamespace, returned: dict[str, Any]) -> None:
    returned["train"] = CANDIDATE

    assert MlflowRunLink().get_link(task, ti_key=Key()) == "http://mlflow:5000/#/experiments/3/runs/abc"


def test_the_version_is_the_one_that_was_registered(task: SimpleNamespace, returned: dict[str, Any]) -> None:
    returned["register"] = REGISTERED

    assert ModelVersionLink().get_link(task, ti_key=Key()) == "http://mlflow:5000/#/models/orders/versions/7"


def test_govern_leads_to_the_report_of_its_check(task: SimpleNamespace, returned: dict[str, Any]) -> None:
    returned["govern"] = {"sequence": 12}

    link = DriftReportLink().get_link(task, ti_key=Key())

    assert link == "http://airflow.example/perennial/reports/orders/checks/12/report.html"


def test_a_trigger_leads_to_the_retraining(returned: dict[str, Any]) -> None:
    returned["govern"] = {"model": "orders", "decision": {"run_id": "drift-12-abc"}}

    link = TriggeredRunLink().get_link(None, ti_key=Key())

    assert link == "http://airflow.example/dags/orders.retrain/runs/drift-12-abc"


def test_nothing_that_was_made_is_no_link(task: SimpleNamespace, returned: dict[str, Any]) -> None:
    for link in (MlflowRunLink(), ModelVersionLink(), DriftReportLink(), TriggeredRunLink()):
        assert link.get_link(task, ti_key=Key()) == ""
    returned["govern"] = {"model": "orders", "decision": {"run_id": None}}

    assert TriggeredRunLink().get_link(task, ti_key=Key()) == ""


def test_there_is_no_link_into_a_database_file(
    task: SimpleNamespace, returned: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    returned["register"] = REGISTERED

    assert ModelVersionLink().get_link(task, ti_key=Key()) == ""


def test_the_web_interface_finds_them_after_serialization(
    add_spec: Callable[..., Path], load_dags: Callable[[], Any]
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    add_spec()
    dag = DagSerialization.from_dict(DagSerialization.to_dict(load_dags().dags["orders.retrain"]))

    assert {task.task_id: task.extra_links for task in dag.tasks if task.extra_links} == {
        "validate": ["Data Docs"],
        "train": ["MLflow run"],
        "evaluate": ["MLflow run"],
        "refit": ["MLflow run"],
        "register": ["Model card", "Model version"],
        "promote": ["Model card", "Model version"],
    }
