"""The task that asks a person: what is asked, whom, and what an answer does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException, TaskAwaitingInput
from mlflow import MlflowClient

from perennial.errors import PromotionError
from perennial.promotion.records import GateResult
from perennial.spec.reading.loader import load_spec
from perennial_airflow.operators.approve import ApproveOperator
from tests.verdicts import judged

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home", "deployment")]

GATES = (
    GateResult(name="rows", passed=True, sentence="234 labelled rows"),
    GateResult(name="champion", passed=False, sentence="worse by 0.02"),
)
REGISTERED = {"name": "orders", "version": "7", "alias": "challenger"}
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def make(add_spec: Callable[..., Path]) -> Callable[..., ApproveOperator]:
    def make(consequence: str = "ask", outcome: str = "reject") -> ApproveOperator:
        path = add_spec(approval={"when": "always", "approvers": ["alice", "3"], "hours": 5})
        verdict = judged(outcome, "Rejected: worse by 0.02.", gates=GATES, consequence=consequence)
        takes = {"registered": REGISTERED, "verdict": verdict.model_dump(mode="json")}
        return ApproveOperator(task_id="approve", spec=load_spec(path), takes=takes)

    return make


@pytest.fixture
def other_champion(deployment: Path) -> None:
    """Somebody has made version 1 champion since the candidate was judged."""
    registry = MlflowClient(f"sqlite:///{deployment}/mlflow.db")
    registry.create_registered_model("orders")
    registry.create_model_version("orders", "somewhere")
    registry.set_registered_model_alias("orders", "champion", "1")


def context(run_id: str = "scheduled__1", *, there: dict[str, str] | None = None, **conf: Any) -> Any:
    """Return a task's context, in an Airflow with runs of the given states."""

    def count(_dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        return sum(one in run_ids and (states is None or state in states) for one, state in (there or {}).items())

    run = SimpleNamespace(
        run_id=run_id, conf=conf, run_type=SimpleNamespace(value="manual"), triggering_user_name="ada"
    )
    return {"ti": SimpleNamespace(id="ti-1", try_number=1, get_dr_count=count), "dag_run": run, "run_id": run_id}


def test_the_question_has_what_is_needed_to_decide_and_names_who_may(
    make: Callable[..., ApproveOperator], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("airflow.sdk.execution_time.hitl.upsert_hitl_detail", lambda **question: asked.update(question))
    with pytest.raises(TaskAwaitingInput) as waiting:
        make().execute(context())
    assert (waiting.value.method_name, waiting.value.timeout) == ("answered", timedelta(hours=5))
    assert (asked["options"], asked["defaults"]) == (["Approve", "Refuse"], ["Refuse"])
    assert [user["id"] for user in asked["assigned_users"]] == ["alice", "3"]
    assert asked["subject"] == "orders: may version 7 become champion?"
    assert r"- NOT PASSED: worse by 0\.02" in asked["body"]
    assert "- passed: 234 labelled rows" in asked["body"]
    assert "/perennial/reports/orders/runs/scheduled__1/card.html)" in asked["body"]
    assert "that needs a reason" in asked["params"]["reason"]["description"]


def test_nobody_is_asked_about_what_the_verdict_settles(make: Callable[..., ApproveOperator]) -> None:
    with pytest.raises(AirflowSkipException, match="worse by"):
        make(consequence="reject").execute(context())


NOBODY = "none of alice, 3 has answered in 5 hours: see that approval.approvers has ids of Airflow users"
BOB = {"id": "3", "name": "bob"}


def event(user: dict[str, str] | None = None, option: str = "Approve", reason: str = "") -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"reason": reason},
        "responded_at": AT,
        "responded_by_user": user,
        "timedout": user is None,
    }


def test_an_answer_of_somebody_whom_the_spec_no_longer_names_is_not_taken(make: Callable[..., ApproveOperator]) -> None:
    with pytest.raises(PromotionError, match=r"mallory has answered, but only alice, 3 may"):
        make().answered(context(), event({"id": "9", "name": "mallory"}))


def test_after_another_champion_the_candidate_is_judged_again_in_a_run_of_its_own(
    make: Callable[..., ApproveOperator], other_champion: None
) -> None:
    form = {"reason": "drift", "evidence": {"check": 12}}
    for ask in (
        lambda: make().execute(context(**form)),
        lambda: make().answered(context(**form), event(BOB)),
        lambda: make().answered(context("against-v2-scheduled__1", judges_again="scheduled__1", **form), event(BOB)),
    ):
        with pytest.raises(DagRunTriggerException) as triggered:
            ask()
        assert (triggered.value.trigger_dag_id, triggered.value.dag_run_id) == (
            "orders.retrain",
            "against-v1-scheduled__1",
        )
        assert triggered.value.conf == form | {"judges_again": "scheduled__1"}
        assert triggered.value.note == "The champion is v1 now, and the candidate was judged without one."


def test_a_refusal_holds_whoever_is_champion(
    make: Callable[..., ApproveOperator], other_champion: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = make()
    monkeypatch.setattr(operator, "run_stage", lambda run: {"approved": run.answer.approved})
    assert operator.answered(context(), event(BOB, "Refuse")) == {"approved": False}


def test_a_task_that_was_killed_after_it_had_triggered_the_run_asks_nobody_and_triggers_none(
    make: Callable[..., ApproveOperator], other_champion: None
) -> None:
    with pytest.raises(AirflowSkipException, match=r"against-v1-scheduled__1 judges the candidate again"):
        make().execute(context(there={"against-v1-scheduled__1": "queued"}))


@pytest.mark.parametrize("run_id", ["scheduled__1", "against-v1-scheduled__1"])
def test_a_candidate_is_not_judged_against_the_same_champion_for_ever(
    make: Callable[..., ApproveOperator], other_champion: None, run_id: str
) -> None:
    before = context(run_id, there={"against-v1-scheduled__1": "success"}, judges_again="scheduled__1")
    with pytest.raises(PromotionError, match=r"against-v1-scheduled__1 has judged the candidate against this champion"):
        make().answered(before, event(BOB))


@pytest.mark.parametrize(
    ("event", "by", "approved", "reason"),
    [
        (event(BOB, reason="The holidays."), "bob", True, "The holidays."),
        (event({"id": "alice", "name": "Alice"}, "Refuse"), "Alice", False, ""),
        (event(None, "Refuse"), "nobody", False, NOBODY),
    ],
)
def test_an_answer_says_who_when_and_why(
    make: Callable[..., ApproveOperator],
    monkeypatch: pytest.MonkeyPatch,
    event: dict[str, Any],
    by: str,
    approved: bool,
    reason: str,
) -> None:
    from perennial.run import RetrainingRun

    operator = make()
    runs: list[RetrainingRun] = []
    monkeypatch.setattr(operator, "run_stage", runs.append)
    operator.answered(context(), event)
    answer = runs[0].answer
    assert answer is not None
    assert (answer.by, answer.approved, answer.reason, answer.at) == (by, approved, reason, AT)
