"""Whole runs of the monitoring DAG with the real library, MLflow and store, against a champion that Airflow trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

TESTS = ["ks", "categorical", "predictions", "page_hinkley", "performance", "volume"]
TASKS = [f"tests.{test}" for test in TESTS]
ALL = {"wait_for_rows", "open_check", *TASKS, "govern", "trigger_retraining", "move_cursor"}

MONITORING = {
    "min_rows": 50,
    "require": {"checks": 1, "of": 1},
    "page_hinkley": None,
    "drift": {"level": 0.001, "effect_floor": 0.1},
}


def retrainings(model: str) -> dict[str, Any]:
    """Return the queued runs of the model's retraining DAG: their conf by id."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(DagRun).where(DagRun.dag_id == f"{model}.retrain", DagRun.state == "queued")
        return {run.run_id: run.conf for run in session.scalars(query)}


def end_retraining(model: str, run_id: str) -> None:
    """Let a queued retraining count as ended."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(
            update(DagRun).where(DagRun.dag_id == f"{model}.retrain", DagRun.run_id == run_id).values(state="success")
        )


def lose_retraining(model: str, run_id: str) -> None:
    """Delete a queued retraining, as when Airflow's database is restored from before it."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == f"{model}.retrain", DagRun.run_id == run_id))


def test_rows_as_ever_trigger_nothing_and_move_the_cursor(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    champion("quiet", monitoring=MONITORING)
    land_orders(45)

    run = run_dag("quiet.monitor")

    assert run.state == "success"
    assert run.tasks == dict.fromkeys(ALL, "success") | {"trigger_retraining": "skipped"}
    assert run.xcoms["open_check"]["rows"] == 100
    assert {run.xcoms[task]["status"] for task in TASKS} == {"quiet", "not tested"}
    assert run.xcoms["govern"]["decision"]["outcome"] == "none"
    assert run.xcoms["move_cursor"]["cursor"] == run.xcoms["open_check"]["as_of"]
    assert retrainings("quiet") == {}
    assert list((deployment / "store").glob("quiet/monitor/reports/*/report.html"))
    assert (
        run.link("govern", "DriftReportLink") == "http://airflow.example/perennial/reports/quiet/checks/1/report.html"
    )


def test_drift_triggers_one_retraining_with_its_evidence(
    champion: Callable[..., None], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> None:
    champion("drifted", monitoring=MONITORING)
    land_orders(45, before_drift=40)

    run = run_dag("drifted.monitor")

    assert (run.state, set(run.tasks.values())) == ("success", {"success"})
    decision = run.xcoms["govern"]["decision"]
    assert (decision["outcome"], decision["fired"]) == ("trigger", ["ks"])
    ((run_id, conf),) = retrainings("drifted").items()
    assert run_id == decision["run_id"]
    assert datetime.fromisoformat(conf["as_of"]) == datetime.fromisoformat(run.xcoms["govern"]["as_of"])
    assert conf["reason"].startswith("ks: ")
    assert conf["evidence"]["check"] == 1
    assert conf["evidence"]["drifted"][0] == "items"
    assert conf["evidence"]["figures"]["ks"]["largest_effect"] > 0.3
    assert run.link("trigger_retraining", "TriggeredRunLink").endswith(f"/dags/drifted.retrain/runs/{run_id}")


def test_the_retraining_takes_the_conf_and_its_version_says_why(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    from mlflow import MlflowClient

    champion("versions", monitoring=MONITORING)
    land_orders(45, before_drift=40)
    run_dag("versions.monitor")
    ((_, conf),) = retrainings("versions").items()

    retrained = run_dag("versions.retrain", **conf)

    tags = MlflowClient(f"sqlite:///{deployment}/mlflow.db").get_model_version("versions", "2").tags
    assert retrained.state == "success"
    assert tags["perennial.triggered_by"] == "drift check 1"
    assert tags["perennial.reason"] == conf["reason"]


def test_a_crash_before_the_cursor_moved_repeats_the_check_and_triggers_no_second_retraining(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from perennial_airflow.operators.move_cursor import MoveCursorOperator

    champion("crashed", monitoring=MONITORING)
    land_orders(45, before_drift=40)
    with monkeypatch.context() as patch:
        patch.setattr(MoveCursorOperator, "run_step", _crash)
        crashed = run_dag("crashed.monitor")
    land_orders(48, before_drift=40)

    again = run_dag("crashed.monitor")

    assert crashed.tasks == dict.fromkeys(ALL, "success") | {"move_cursor": "failed"}
    assert again.tasks == dict.fromkeys(ALL, "success") | {"trigger_retraining": "skipped"}
    assert again.xcoms["open_check"] == crashed.xcoms["open_check"]
    assert again.xcoms["govern"] == crashed.xcoms["govern"]
    assert list(retrainings("crashed")) == [crashed.xcoms["govern"]["decision"]["run_id"]]


def test_the_cursor_stays_where_triggering_failed_and_the_next_run_triggers(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from perennial_airflow.operators.trigger_retraining import TriggerRetrainingOperator

    champion("untriggered", monitoring=MONITORING)
    land_orders(45, before_drift=40)
    with monkeypatch.context() as patch:
        patch.setattr(TriggerRetrainingOperator, "execute", _crash)
        failed = run_dag("untriggered.monitor")

    again = run_dag("untriggered.monitor")

    assert (failed.tasks["trigger_retraining"], failed.tasks["move_cursor"]) == ("failed", "upstream_failed")
    assert again.tasks == dict.fromkeys(ALL, "success")
    assert again.xcoms["govern"] == failed.xcoms["govern"]
    assert list(retrainings("untriggered")) == [failed.xcoms["govern"]["decision"]["run_id"]]


def test_a_retraining_that_airflow_has_lost_is_triggered_again_under_the_same_id(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
) -> None:
    champion("lost", monitoring=MONITORING)
    land_orders(45, before_drift=40)
    assert run_dag("lost.monitor").tasks["trigger_retraining"] == "success"
    (run_id,) = retrainings("lost")
    lose_retraining("lost", run_id)
    assert retrainings("lost") == {}

    again = run_dag("lost.monitor")
    assert again.state == "success"
    assert again.xcoms["govern"]["sequence"] == 1
    assert list(retrainings("lost")) == [run_id]


def test_drift_while_a_retraining_is_queued_is_checked_again_when_that_has_ended(
    champion: Callable[..., None], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> None:
    champion("busy", monitoring=MONITORING, retraining={"cooldown_days": 0})
    land_orders(45, before_drift=40)
    first = run_dag("busy.monitor")
    land_orders(50, before_drift=40)

    meanwhile = run_dag("busy.monitor")
    (run_id,) = retrainings("busy")
    end_retraining("busy", run_id)
    afterwards = run_dag("busy.monitor")

    decisions = [run.xcoms["govern"]["decision"] for run in (first, meanwhile, afterwards)]
    assert [decision["outcome"] for decision in decisions] == ["trigger", "coalesce", "trigger"]
    assert run_id in decisions[1]["reasons"][-1]
    assert meanwhile.tasks["trigger_retraining"] == "skipped"
    assert meanwhile.tasks["move_cursor"] == "success"
    assert afterwards.xcoms["open_check"]["cursor"] == meanwhile.xcoms["open_check"]["cursor"]
    assert afterwards.xcoms["open_check"]["rows"] == meanwhile.xcoms["open_check"]["rows"] == 100
    assert list(retrainings("busy")) == [decisions[2]["run_id"]]


def test_without_a_champion_the_first_training_is_triggered(
    add_spec: Callable[..., Path], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> None:
    add_spec("newborn", monitoring=MONITORING)
    land_orders()

    run = run_dag("newborn.monitor")

    ((run_id, conf),) = retrainings("newborn").items()
    assert run_id == run.xcoms["govern"]["decision"]["run_id"]
    assert conf["reason"] == "There is no champion yet."


def test_a_reference_that_is_gone_ends_the_run_with_a_clear_error_and_no_retraining(
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    deployment: Path,
) -> None:
    champion("gone", monitoring=MONITORING)
    land_orders(45, before_drift=40)
    for part in (deployment / "store" / "gone" / "snapshots").rglob("*.parquet"):
        part.unlink()

    run = run_dag("gone.monitor")

    assert run.state == "failed"
    assert (run.tasks["open_check"], run.tries["open_check"]) == ("failed", 1)
    assert {run.tasks[task] for task in (*TASKS, "govern", "trigger_retraining", "move_cursor")} == {"upstream_failed"}
    assert retrainings("gone") == {}


def test_a_check_that_fired_is_an_asset_event_with_evidence_and_a_quiet_one_is_none(
    champion: Callable[..., None], land_orders: Callable[..., None], run_dag: Callable[..., DagRunResult]
) -> None:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    champion("told", monitoring={**MONITORING, "volume": {"rows": 10_000}}, retraining={"triggers": ["volume"]})
    land_orders(43)
    quiet = run_dag("told.monitor")
    land_orders(48, before_drift=43)
    drifted = run_dag("told.monitor")

    with create_session() as session:
        query = select(AssetEvent).join(AssetModel, AssetEvent.asset_id == AssetModel.id)
        events = session.scalars(query.where(AssetModel.uri == "perennial://told/drift")).all()
        ((event_run, extra),) = [(event.source_run_id, event.extra) for event in events]
    assert quiet.state == "success"
    assert event_run == drifted.run_id
    assert (extra["check"], extra["decision"], extra["drifted"][0]) == (2, "none", "items")
    assert retrainings("told") == {}


def test_figures_that_are_no_numbers_survive_the_way_through_airflow() -> None:
    from perennial.monitoring.records import DriftTestResult
    from perennial_airflow.xcom import to_xcom

    result = DriftTestResult(
        test="ks", status="quiet", sentence="", figures={"a": float("nan"), "b": float("-inf"), "c": 1}
    )

    sent = json.loads(json.dumps(to_xcom(result), allow_nan=False))

    assert sent["figures"] == {"a": "nan", "b": "-inf", "c": 1}
    assert DriftTestResult.model_validate(sent).test == "ks"


def _crash(*_: Any) -> None:
    from perennial.errors import StoreError

    raise StoreError("disk full")
