"""Whole runs of both DAGs tell what came of them, once, and never fail for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from perennial.spec.reading.loader import find_spec
from perennial.store import LocalStore
from perennial_airflow.alerts.callbacks import on_failure

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from tests.airflow.alerts.conftest import MailServer, WebServer
    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

EVERYTHING = [
    "drift",
    "retraining_triggered",
    "promoted",
    "rejected",
    "retraining_failed",
    "monitoring_failed",
    "cursor_ahead",
    "breaker_open",
]
WEBHOOK = {"events": EVERYTHING, "webhook": {"connection": "ops_webhook"}}
MONITORING = {
    "min_rows": 50,
    "require": {"checks": 1, "of": 1},
    "page_hinkley": None,
    "drift": {"level": 0.001, "effect_floor": 0.1},
}


def names(web_server: WebServer) -> list[str]:
    return [body["name"] for body in web_server.bodies]


def test_a_retraining_sends_one_mail_of_its_new_champion_and_one_of_a_rejection(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERENNIAL_MLFLOW_UI", "http://mlflow.example")
    add_spec("mailed", source=SOURCE, alerts={"events": EVERYTHING, "email": {"to": ["ops@example.com"]}})
    land_orders()

    promoted = run_dag("mailed.retrain")
    rejected = run_dag("mailed.retrain")

    assert (promoted.state, rejected.state) == ("success", "success")
    first, second = (mail.get_body(("plain",)).get_content() for mail in mail_server.mails)
    assert mail_server.mails[0]["Subject"] == "[perennial] mailed: new champion"
    assert promoted.xcoms["decide"]["sentence"] in first
    assert "Airflow run: http://airflow.example/dags/mailed.retrain/runs/manual__" in first
    assert "triggered by: manual by dag_test" in first
    assert mail_server.mails[1]["Subject"] == "[perennial] mailed: candidate rejected"
    assert rejected.xcoms["decide"]["sentence"] in " ".join(second.split())


def test_a_dry_run_tells_nothing(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    web_server: WebServer,
) -> None:
    add_spec("dry", source=SOURCE, alerts=WEBHOOK)
    land_orders()

    run_dag("dry.retrain", dry_run=True)

    assert web_server.requests == []


def test_a_failed_validation_is_told_once_with_what_is_wrong_and_where_the_report_is(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    web_server: WebServer,
) -> None:
    add_spec("invalid", source=SOURCE, alerts=WEBHOOK)
    land_orders(without_carrier=3)

    run = run_dag("invalid.retrain")

    (body,) = web_server.bodies
    assert run.state == "failed"
    assert body["name"] == "retraining_failed"
    assert body["facts"] == {"run": run.run_id, "task": "validate"}
    assert body["reason"].startswith("Task validate failed: 1 of 1 expectations do not hold")
    assert body["links"]["Data Docs"].startswith("http://airflow.example/perennial/reports/invalid/runs/")


def test_a_run_that_fails_again_after_it_was_cleared_is_told_again_and_another_callback_of_it_is_not(
    add_spec: Callable[..., Path], deployment: Path, models: Path, web_server: WebServer, airflow_home: Path
) -> None:
    from airflow.sdk import DAG

    add_spec("cleared", source=SOURCE, alerts=WEBHOOK)
    (tell,) = on_failure(find_spec("cleared", models)).values()
    dag = DAG("cleared.monitor")

    def fail(times_cleared: int, **rest: Any) -> None:
        dag_run = SimpleNamespace(clear_number=times_cleared)
        tell({"dag": dag, "run_id": "run-1", "dag_run": dag_run, **rest})

    fail(0, ti=SimpleNamespace(task_id="govern"), exception=ValueError("postgresql://me:secret@db"))
    fail(0, ti=SimpleNamespace(task_id="move_cursor"))
    fail(0)
    fail(1, ti=SimpleNamespace(task_id="govern"))

    assert names(web_server) == ["monitoring_failed", "monitoring_failed"]
    assert [body["reason"] for body in web_server.bodies] == [
        "Task govern failed with ValueError; its log says more.",
        "Task govern failed; its log says more. It may have been killed.",
    ]


def test_drift_and_the_retraining_that_it_triggers_are_told_once_although_the_check_is_repeated(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    web_server: WebServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from perennial_airflow.operators.move_cursor import MoveCursorOperator

    champion("alerted", source=SOURCE, monitoring=MONITORING, alerts=WEBHOOK)
    land_orders(45, before_drift=40)
    with monkeypatch.context() as patch:
        patch.setattr(MoveCursorOperator, "run_step", _crash)
        run_dag("alerted.monitor")

    again = run_dag("alerted.monitor")

    assert again.tasks["trigger_retraining"] == "skipped"
    assert names(web_server) == ["promoted", "drift", "retraining_triggered", "monitoring_failed"]
    promoted, drift, triggered, _ = web_server.bodies
    assert promoted["links"]["Model card"].startswith("http://airflow.example/perennial/reports/alerted/runs/")
    assert drift["reason"].startswith("ks: ")
    assert drift["facts"]["columns"].startswith("items")
    assert drift["links"]["Drift report"] == "http://airflow.example/perennial/reports/alerted/checks/1/report.html"
    run_id = again.xcoms["govern"]["decision"]["run_id"]
    assert triggered["links"]["Airflow run"] == f"http://airflow.example/dags/alerted.retrain/runs/{run_id}"


def test_a_quiet_check_tells_nothing(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    web_server: WebServer,
) -> None:
    champion("hushed", source=SOURCE, monitoring=MONITORING, alerts=WEBHOOK)
    land_orders(45)

    run_dag("hushed.monitor")

    assert names(web_server) == ["promoted"]


def test_an_open_breaker_is_told_once_for_each_opening(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    web_server: WebServer,
) -> None:
    from tests.airflow.test_monitoring_run import end_retraining

    champion(
        "broken",
        source=SOURCE,
        monitoring=MONITORING,
        retraining={"cooldown_days": 0, "breaker": {"rejections": 1}},
        alerts=WEBHOOK,
    )
    land_orders(45, before_drift=40)
    run_id = run_dag("broken.monitor").xcoms["govern"]["decision"]["run_id"]
    end_retraining("broken", run_id)  # without a verdict: it failed

    for days in (50, 55):
        land_orders(days, before_drift=40)
        assert run_dag("broken.monitor").xcoms["govern"]["decision"]["held_by"] == "breaker"

    told = [body for body in web_server.bodies if body["name"] == "breaker_open"]
    assert len(told) == 1
    assert "The breaker is open: the last 1 retrainings were rejected, inconclusive or failed." in told[0]["reason"]


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferred", "poke"])
def test_a_cursor_after_all_rows_is_told_once_however_often_the_monitor_looks(
    deferrable: bool,
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    web_server: WebServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from perennial_airflow.sensors import new_data

    model = f"ahead_{deferrable}"
    champion(model, source=SOURCE, monitoring=MONITORING, alerts=WEBHOOK)
    land_orders(30)  # the source lost its newest rows

    def adjust(dag: DAG) -> None:
        sensor = dag.task_dict["wait_for_rows"]
        sensor.poke_interval, sensor.deferrable = 0.2, deferrable

    for _ in range(2):
        end = datetime.now(UTC) + timedelta(seconds=1)
        monkeypatch.setattr(new_data, "end_of_wait", lambda *_, end=end, **__: end)
        assert run_dag(f"{model}.monitor", adjust=adjust).tasks["wait_for_rows"] == "skipped"

    assert names(web_server) == ["promoted", "cursor_ahead"]
    told = web_server.bodies[1]
    assert told["facts"] == {"cursor": "2024-02-09T22:48:00+00:00"}
    assert f"perennial set-cursor {model} --to 2024-01-30T22:48:00Z" in told["reason"]
    assert told["links"]["Airflow run"].startswith(f"http://airflow.example/dags/{model}.monitor/runs/")


@pytest.mark.parametrize("dag", ["retrain", "monitor"])
def test_as_of_in_the_future_fails_at_once_and_says_what_to_do(
    dag: str,
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    web_server: WebServer,
) -> None:
    model = f"prophet_{dag}"
    champion(model, source=SOURCE, monitoring=MONITORING, alerts=WEBHOOK)
    land_orders(45)

    run = run_dag(f"{model}.{dag}", as_of="2999-01-01T00:00:00Z")

    first = {"retrain": "ingest", "monitor": "wait_for_rows"}[dag]
    assert (run.tasks[first], run.tries[first]) == ("failed", 1)
    failure = web_server.bodies[1]
    assert failure["name"] == {"retrain": "retraining_failed", "monitor": "monitoring_failed"}[dag]
    assert f"Task {first} failed: as_of 2999-01-01T00:00:00+00:00 lies in the future" in failure["reason"]
    assert "Leave it out to take the newest rows" in failure["reason"]


def test_a_pipeline_succeeds_although_nobody_can_be_told(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_spec("untold", source=SOURCE, alerts={"slack": {"connection": "nobody_made_this"}})
    land_orders()

    run = run_dag("untold.retrain")

    assert (run.state, set(run.tasks.values())) == ("success", {"success"})
    waiting = LocalStore(deployment / "store").list("untold/alerts/pending/")
    assert len(list(waiting)) == 1
    assert "set AIRFLOW_CONN_NOBODY_MADE_THIS" in caplog.text


def test_a_task_that_was_killed_is_told_by_the_dag_processor(
    add_spec: Callable[..., Path], deployment: Path, web_server: WebServer, airflow_home: Path
) -> None:
    """The scheduler asks for it, since a killed process calls nothing back."""
    import structlog
    from airflow.callbacks.callback_requests import TaskCallbackRequest
    from airflow.dag_processing.processor import DagFileParseRequest, _parse_file

    from tests.airflow.conftest import REPOSITORY

    add_spec("killed", source=SOURCE, alerts=WEBHOOK)
    task = {
        "id": uuid4(),
        "dag_id": "killed.retrain",
        "task_id": "train",
        "run_id": "run-1",
        "try_number": 4,
        "map_index": -1,
        "dag_version_id": uuid4(),
    }
    dags = REPOSITORY / "dags"
    place = {"bundle_name": "dags-folder", "bundle_version": None}
    request = TaskCallbackRequest(filepath="retraining.py", ti=task, msg="killed", **place)

    _parse_file(
        DagFileParseRequest(
            file=str(dags / "retraining.py"), bundle_path=dags, bundle_name="dags-folder", callback_requests=[request]
        ),
        structlog.get_logger(),
    )

    (body,) = web_server.bodies
    assert body["reason"] == "Task train failed; its log says more. It may have been killed."
    assert body["links"] == {"Airflow run": "http://airflow.example/dags/killed.retrain/runs/run-1"}


def test_without_alerts_airflow_has_nothing_to_call_back(add_spec: Callable[..., Path], models: Path) -> None:
    add_spec("silent")

    assert on_failure(find_spec("silent", models)) == {}


def _crash(*arguments: Any) -> None:
    raise RuntimeError("the power is gone")


SOURCE: dict[str, Any] = {
    "uri": "orders/",
    "format": "csv",
    "event_time": "ordered_at",
    "window": {"days": 60},
}
