"""A champion that was taken back is told once, with the page of whatever took it back; and so is the question about one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from perennial.monitoring.records import DecidedRollback, Decision, LedgerEntry, OpenCheck
from perennial.promotion.records import Promotion
from perennial.registry.records import Champion
from perennial.rollback.records import Examination
from perennial.spec.reading.loader import find_spec
from perennial_airflow.alerts.callbacks import on_auto_rollback, on_check, on_rollback
from perennial_airflow.xcom import to_xcom

if TYPE_CHECKING:
    from perennial.spec import ModelSpec
    from tests.airflow.alerts.conftest import WebServer

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

NOW = datetime(2024, 2, 14, tzinfo=UTC)
PROMOTION = Promotion(name="orders", version="1", previous_version="2")
WEBHOOK = {"webhook": {"connection": "ops_webhook"}}


@pytest.fixture
def spec(add_spec: Callable[..., Path], deployment: Path, models: Path, airflow_home: Path) -> ModelSpec:
    add_spec("orders", alerts=WEBHOOK)
    return find_spec("orders", models)


def ended(task: SimpleNamespace, run_id: str) -> dict[str, Any]:
    """Return what Airflow passes to the callback of a task that has ended."""
    run = SimpleNamespace(conf=None, run_type=SimpleNamespace(value="manual"), triggering_user_name="ada")
    return {"task": task, "run_id": run_id, "dag_run": run}


def decided(when: Any, sequence: int = 12) -> dict[str, Any]:
    """Return the XCom of a check that found the champion under its floor, and the version before not."""
    check = OpenCheck(
        model="orders", sequence=sequence, as_of=NOW, watched_as="", champion=Champion(version="2", mlflow_run_id="r"),
        cursor=None, batch=None, rows=100, late_rows=0, matured=None, matured_rows=0, matured_until=None,
        too_late_rows=0, seen=None, rows_since_training=0,
    )  # fmt: skip
    rollback = DecidedRollback(
        version="1",
        when=when,
        reason="roc_auc is under 0.6.",
        sentence="Version 1 reaches 0.7.",
        run_id="rollback-12-ab",
    )
    decision = Decision(outcome="hold", reasons=("It is taken back.",), held_by="rollback", rollback=rollback)
    return to_xcom(
        LedgerEntry(sequence=sequence, model="orders", as_of=NOW, check=check, results=(), decision=decision)
    )


def test_a_rollback_by_the_form_is_told_with_its_reason_and_what_was_forced(
    spec: ModelSpec, web_server: WebServer
) -> None:
    (tell,) = on_rollback(spec).values()
    examination = Examination(
        name="orders", version="1", champion="2", sentence="They were not compared.", objections=("it scores worse",)
    )
    task = SimpleNamespace(
        spec=spec, outcome=to_xcom(PROMOTION), examination=to_xcom(examination), reason="bad since Monday."
    )

    for _ in range(2):
        tell(ended(task, "manual__1"))

    (body,) = web_server.bodies
    assert body["name"] == "rolled_back"
    assert body["reason"] == "bad since Monday. They were not compared. Forced, although it scores worse."
    assert body["facts"] == {"version": "1", "previous": "2", "triggered by": "manual by ada"}
    assert body["links"]["Airflow run"] == "http://airflow.example/dags/orders.rollback/runs/manual__1"


def test_a_rollback_by_the_monitor_is_told_once_although_another_run_ends_it(
    spec: ModelSpec, web_server: WebServer
) -> None:
    (tell,) = on_auto_rollback(spec).values()
    task = SimpleNamespace(spec=spec, outcome=to_xcom(PROMOTION), entry=decided("act"))

    for run_id in ("scheduled__1", "scheduled__2"):
        tell(ended(task, run_id))

    (body,) = web_server.bodies
    assert body["name"] == "rolled_back"
    assert body["reason"] == "roc_auc is under 0.6. Version 1 reaches 0.7."
    assert body["facts"]["triggered by"] == "check 12"
    assert body["links"]["Airflow run"] == "http://airflow.example/dags/orders.monitor/runs/scheduled__1"


def test_a_person_is_told_the_command_and_the_form_once_for_the_two_versions(
    spec: ModelSpec, web_server: WebServer
) -> None:
    (tell,) = on_check(spec).values()

    for sequence in (12, 13):
        tell(ended(SimpleNamespace(spec=spec, outcome=decided("ask", sequence)), f"scheduled__{sequence}"))
    tell(ended(SimpleNamespace(spec=spec, outcome=decided("act", 14)), "scheduled__14"))

    (body,) = web_server.bodies
    assert body["name"] == "rollback_asked"
    assert body["facts"]["command"] == "perennial rollback orders --to 1 --reason WHY"
    assert body["links"]["Rollback form"] == "http://airflow.example/dags/orders.rollback"
    assert body["links"]["Drift report"].endswith("/orders/checks/12/report.html")
