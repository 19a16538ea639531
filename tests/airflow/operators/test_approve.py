"""The task that asks a person: what is asked, whom, and what an answer does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskAwaitingInput

from perennial.errors import PromotionError
from perennial.promotion.records import GateResult
from perennial.spec.reading.loader import load_spec
from perennial_airflow.operators.approve import ApproveOperator
from tests.verdicts import judged

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

GATES = (
    GateResult(name="rows", passed=True, sentence="234 labelled rows"),
    GateResult(name="champion", passed=False, sentence="worse by 0.02"),
)
REGISTERED = {"name": "orders", "version": "7", "alias": "challenger"}
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def make(add_spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., ApproveOperator]:
    def make(consequence: str = "ask", outcome: str = "reject") -> ApproveOperator:
        path = add_spec(approval={"when": "always", "approvers": ["alice", "3"], "hours": 5})
        verdict = judged(outcome, "Rejected: worse by 0.02.", gates=GATES, consequence=consequence)
        takes = {"registered": REGISTERED, "verdict": verdict.model_dump(mode="json")}
        operator = ApproveOperator(task_id="approve", spec=load_spec(path), takes=takes)
        monkeypatch.setattr(operator, "retraining_run", lambda _: operator_run())
        return operator

    return make


class operator_run(SimpleNamespace):  # noqa: N801
    """As much of a run as is looked at before the stage."""

    dry_run = False


CONTEXT = {"ti": SimpleNamespace(id="ti-1"), "dag_run": SimpleNamespace(run_id="manual__1"), "run_id": "manual__1"}


def test_the_question_has_what_is_needed_to_decide_and_names_who_may(
    make: Callable[..., ApproveOperator], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("airflow.sdk.execution_time.hitl.upsert_hitl_detail", lambda **question: asked.update(question))
    with pytest.raises(TaskAwaitingInput) as waiting:
        make().execute(CONTEXT)
    assert (waiting.value.method_name, waiting.value.timeout) == ("answered", timedelta(hours=5))
    assert (asked["options"], asked["defaults"]) == (["Approve", "Refuse"], ["Refuse"])
    assert [user["id"] for user in asked["assigned_users"]] == ["alice", "3"]
    assert asked["subject"] == "orders: may version 7 become champion?"
    assert "- NOT PASSED: worse by 0.02" in asked["body"]
    assert "- passed: 234 labelled rows" in asked["body"]
    assert "/perennial/reports/orders/runs/manual__1/card.html)" in asked["body"]
    assert "that needs a reason" in asked["params"]["reason"]["description"]


def test_nobody_is_asked_about_what_the_verdict_settles(make: Callable[..., ApproveOperator]) -> None:
    with pytest.raises(AirflowSkipException, match="worse by"):
        make(consequence="reject").execute(CONTEXT)


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
        make().answered(CONTEXT, event({"id": "9", "name": "mallory"}))


@pytest.mark.parametrize(
    ("event", "by", "approved", "reason"),
    [
        (event({"id": "3", "name": "bob"}, reason="The holidays."), "bob", True, "The holidays."),
        (event({"id": "alice", "name": "Alice"}, "Refuse"), "Alice", False, ""),
        (event(None, "Refuse"), "nobody", False, "the time for an answer is over"),
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
    run = RetrainingRun(spec=operator.spec, deployment=None, run_id="manual__1", now=AT)  # type: ignore[arg-type]
    monkeypatch.setattr(operator, "retraining_run", lambda _: run)
    monkeypatch.setattr(operator, "run_stage", runs.append)
    operator.answered(CONTEXT, event)
    answer = runs[0].answer
    assert answer is not None
    assert (answer.by, answer.approved, answer.reason, answer.at) == (by, approved, reason, AT)
