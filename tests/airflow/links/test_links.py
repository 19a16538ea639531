"""Links lead to what a task made, and are left out where there is nothing to open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perennial.spec.reading.loader import load_spec
from perennial_airflow.links.data_docs import DataDocsLink
from perennial_airflow.links.drift_report import DriftReportLink
from perennial_airflow.links.mlflow_run import MlflowRunLink
from perennial_airflow.links.model_version import ModelVersionLink
from perennial_airflow.links.triggered_run import TriggeredRunLink
from perennial_airflow.operators.evaluate import EvaluateOperator
from perennial_airflow.operators.govern import GovernOperator
from perennial_airflow.operators.promote import PromoteOperator
from perennial_airflow.operators.register import RegisterOperator
from perennial_airflow.operators.train import TrainOperator
from perennial_airflow.operators.trigger_retraining import TriggerRetrainingOperator
from perennial_airflow.operators.validate import ValidateOperator

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

CANDIDATE = {"experiment_id": "3", "mlflow_run_id": "abc"}
REGISTERED = {"name": "orders", "version": "7", "alias": None}


@dataclass(frozen=True)
class Key:
    """What links read of a task instance's key."""

    run_id: str = "manual__2024-02-01T00:00:00+00:00"


@pytest.fixture
def arguments(add_spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    return {"task_id": "task", "spec": load_spec(add_spec())}


def test_data_docs_need_only_model_and_run(arguments: dict[str, Any]) -> None:
    link = DataDocsLink().get_link(ValidateOperator(snapshot={}, **arguments), ti_key=Key())

    run = "manual__2024-02-01T00_00_00+00_00"
    assert link == f"http://airflow.example/perennial/reports/orders/runs/{run}/data_docs.html"


def test_train_and_evaluate_lead_to_the_candidates_run(arguments: dict[str, Any]) -> None:
    train = TrainOperator(snapshot={}, **arguments)
    train.outcome = CANDIDATE
    evaluate = EvaluateOperator(snapshot={}, candidate=CANDIDATE, **arguments)

    for operator in (train, evaluate):
        assert MlflowRunLink().get_link(operator, ti_key=Key()) == "http://mlflow:5000/#/experiments/3/runs/abc"


def test_register_and_promote_lead_to_the_version(arguments: dict[str, Any]) -> None:
    register = RegisterOperator(candidate={}, evaluation={}, verdict={}, **arguments)
    register.outcome = REGISTERED
    promote = PromoteOperator(registered=REGISTERED, verdict={}, **arguments)

    for operator in (register, promote):
        assert ModelVersionLink().get_link(operator, ti_key=Key()) == "http://mlflow:5000/#/models/orders/versions/7"


def test_govern_leads_to_the_report_of_its_check(arguments: dict[str, Any]) -> None:
    govern = GovernOperator(check={}, results=[], **arguments)
    govern.outcome = {"sequence": 12}

    link = DriftReportLink().get_link(govern, ti_key=Key())

    assert link == "http://airflow.example/perennial/reports/orders/checks/12/report.html"


def test_a_trigger_leads_to_the_retraining() -> None:
    entry = {"model": "orders", "decision": {"run_id": "drift-12-abc"}}
    trigger = TriggerRetrainingOperator(task_id="trigger_retraining", entry=entry)

    link = TriggeredRunLink().get_link(trigger, ti_key=Key())

    assert link == "http://airflow.example/dags/orders.retrain/runs/drift-12-abc"


def test_a_task_that_made_nothing_has_no_link(arguments: dict[str, Any]) -> None:
    nothing = {"model": "orders", "decision": {"run_id": None}}
    trigger = TriggerRetrainingOperator(task_id="trigger_retraining", entry=nothing)
    assert TriggeredRunLink().get_link(trigger, ti_key=Key()) == ""
    assert DriftReportLink().get_link(GovernOperator(check={}, results=[], **arguments), ti_key=Key()) == ""
    train = TrainOperator(snapshot={}, **arguments)
    promote = PromoteOperator(registered=None, verdict={}, **arguments)

    assert MlflowRunLink().get_link(train, ti_key=Key()) == ""
    assert ModelVersionLink().get_link(promote, ti_key=Key()) == ""


def test_there_is_no_link_into_a_database_file(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    promote = PromoteOperator(registered=REGISTERED, verdict={}, **arguments)

    assert ModelVersionLink().get_link(promote, ti_key=Key()) == ""


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
        "register": ["Model version"],
        "promote": ["Model version"],
    }
