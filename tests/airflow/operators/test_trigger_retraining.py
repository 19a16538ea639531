"""A retraining is triggered by one decision, once, with a conf that the retraining's form takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

from perennial.monitoring.records import Decision, DriftTestResult, LedgerEntry, OpenCheck
from perennial.spec import ModelSpec
from perennial_airflow.operators.trigger_retraining import TriggerRetrainingOperator
from perennial_airflow.run_arguments import LONGEST_REASON
from perennial_airflow.xcom import to_xcom
from tests.airflow.conftest import small_spec

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home", "deployment")]

NOW = datetime(2024, 2, 14, tzinfo=UTC)
CHECK = OpenCheck(
    model="orders", sequence=12, as_of=NOW, watched_as="", champion=None, cursor=None, batch=None, rows=100,
    late_rows=0, matured=None, matured_rows=0, matured_until=None, too_late_rows=0, seen=None, rows_since_training=0,
)  # fmt: skip


def execute(decision: Decision, *, runs: int = 0, paused: bool = False, figure: float = 0.4) -> None:
    """Run the operator against an Airflow that has so many runs of the decision's id."""
    results = (DriftTestResult(test="ks", status="fired", sentence="", figures={"largest_effect": figure}),)
    entry = LedgerEntry(sequence=12, model="orders", as_of=NOW, check=CHECK, results=results, decision=decision)
    task = SimpleNamespace(
        get_dr_count=lambda dag_id, run_ids: runs, get_dag=lambda dag_id: SimpleNamespace(is_paused=paused)
    )
    spec = ModelSpec.model_validate(small_spec("orders"))
    operator = TriggerRetrainingOperator(task_id="trigger_retraining", spec=spec, entry=to_xcom(entry))
    operator.execute({"ti": task})  # type: ignore[arg-type]


def triggered(decision: Decision, **rest: Any) -> DagRunTriggerException:
    with pytest.raises(DagRunTriggerException) as caught:
        execute(decision, **rest)
    return caught.value


TRIGGER = Decision(outcome="trigger", reasons=("ks: items drifted.",), fired=("ks",), run_id="drift-12-abc")


def test_the_run_has_the_decisions_id_and_no_date_that_another_run_could_have() -> None:
    run = triggered(TRIGGER)

    assert (run.trigger_dag_id, run.dag_run_id, run.logical_date) == ("orders.retrain", "drift-12-abc", None)
    assert run.skip_when_already_exists
    assert not run.reset_dag_run
    assert run.conf["as_of"] == "2024-02-14T00:00:00+00:00"
    assert run.conf["evidence"]["check"] == 12


def test_reasons_too_long_for_the_form_are_cut_and_stay_whole_in_the_evidence() -> None:
    reasons = tuple(f"column_{number} drifted." for number in range(100))

    run = triggered(TRIGGER.model_copy(update={"reasons": reasons}))

    assert len(run.conf["reason"]) <= LONGEST_REASON
    assert run.conf["reason"].endswith(" ...")
    assert run.conf["evidence"]["reasons"] == list(reasons)


def test_a_figure_that_is_no_number_does_not_keep_the_retraining_from_starting() -> None:
    import json

    run = triggered(TRIGGER, figure=float("inf"))

    assert "inf" in json.dumps(run.conf, allow_nan=False)


def test_what_was_triggered_before_is_not_triggered_again() -> None:
    with pytest.raises(AirflowSkipException, match=r"drift-12-abc was triggered before"):
        execute(TRIGGER, runs=1)


def test_what_was_found_about_another_champion_is_not_triggered(deployment: Path) -> None:
    from mlflow import MlflowClient

    registry = MlflowClient(f"sqlite:///{deployment}/mlflow.db")
    registry.create_registered_model("orders")
    registry.create_model_version("orders", "somewhere")
    registry.set_registered_model_alias("orders", "champion", "1")

    said = r"Check 12 was about a model without a champion, and the champion is v1 now: its retraining is not started"
    with pytest.raises(AirflowSkipException, match=said):
        execute(TRIGGER)


@pytest.mark.parametrize("outcome", ["coalesce", "hold", "none"])
def test_other_decisions_are_skipped_with_their_reasons(outcome: Any) -> None:
    with pytest.raises(AirflowSkipException, match=rf"\({outcome}\)\. Cool-down\."):
        execute(Decision(outcome=outcome, reasons=("Cool-down.",)))


def test_a_paused_retraining_is_queued_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    triggered(TRIGGER, paused=True)

    assert "orders.retrain is paused" in capsys.readouterr().out
