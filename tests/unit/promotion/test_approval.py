"""What follows when a person answers: the verdict, the version's tags, the promotion."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from perennial.answer import Answer
from perennial.errors import PromotionError
from perennial.monitoring.ledger import has_ended, read_verdict
from perennial.promotion.approval import approve, champion_since
from perennial.promotion.registry import promote, register
from perennial.promotion.verdict import decide
from perennial.registry.aliases import CHALLENGER, CHAMPION, version_by_alias
from perennial.registry.tracking import Tracker
from perennial.retraining.decide import decide as decide_stage
from perennial.spec.approval import Approval
from perennial.stages import STAGES, stages_of
from tests.candidates import NOON
from tests.verdicts import judged


def answer(approved=True, reason="It is right about the holidays."):
    return Answer(approved=approved, by="alice", at=NOON, reason=reason)


@pytest.fixture
def asked(run, log_candidate, evaluation_of):
    """A registered candidate about which a person is asked."""
    candidate = log_candidate()

    def ask(outcome="promote"):
        verdict = judged(outcome, "better", consequence="ask")
        return register(run, candidate, evaluation_of(candidate), verdict), verdict

    return ask


def holder(run, alias):
    found = version_by_alias(Tracker(run.tracking_uri), "late", alias)
    return None if found is None else str(found.version)


@pytest.mark.parametrize(
    ("when", "outcome", "consequence"),
    [
        ("never", "promote", "promote"), ("never", "inconclusive", "reject"), ("never", "reject", "reject"),
        ("unsure", "promote", "promote"), ("unsure", "inconclusive", "ask"), ("unsure", "reject", "reject"),
        ("always", "promote", "ask"), ("always", "inconclusive", "ask"), ("always", "reject", "ask"),
    ],
)  # fmt: skip
def test_the_spec_says_about_which_outcomes_a_person_is_asked(
    spec, run, log_candidate, evaluation_of, monkeypatch, when, outcome, consequence
):
    monkeypatch.setattr("perennial.promotion.verdict._worst", lambda _: outcome)
    candidate = log_candidate()
    asking = spec.model_copy(update={"approval": Approval(when=when)})
    verdict = decide(evaluation_of(candidate), asking, candidate)
    assert (verdict.outcome, verdict.consequence) == (outcome, consequence)
    assert ("approve" in stages_of(asking)) == (when != "never")


def test_until_somebody_answers_the_version_is_a_challenger_and_is_not_promoted(run, asked):
    registered, verdict = asked()
    assert holder(run, CHALLENGER) == registered.version
    with pytest.raises(PromotionError, match="is not to be promoted"):
        promote(run, registered, verdict)
    with pytest.raises(PromotionError, match="nobody was asked"):
        approve(run, registered, verdict)


def test_an_approved_candidate_becomes_champion_and_its_version_says_by_whom(run, asked):
    registered, verdict = asked()
    settled = approve(replace(run, answer=answer()), registered, verdict)
    assert settled.sentence.startswith("Approved by alice on 2024-03-01 00:00 UTC: It is right about the holidays. ")
    promote(run, registered, settled)
    assert (holder(run, CHAMPION), holder(run, CHALLENGER)) == (registered.version, None)
    tags = Tracker(run.tracking_uri).client.get_model_version("late", registered.version).tags
    assert {key: value for key, value in tags.items() if "approval" in key} == {
        "perennial.approval": "approved",
        "perennial.approval.by": "alice",
        "perennial.approval.at": NOON.isoformat(),
        "perennial.approval.reason": "It is right about the holidays.",
    }


def test_a_verdict_holds_until_there_is_a_champion_that_it_is_not_about(run, asked):
    registered, verdict = asked()
    assert champion_since(run, registered, verdict) is None
    registry = Tracker(run.tracking_uri).client
    registry.set_registered_model_alias("late", CHAMPION, registered.version)
    assert champion_since(run, registered, verdict) is None  # its own promotion
    other = registry.create_model_version("late", "somewhere").version
    registry.set_registered_model_alias("late", CHAMPION, other)
    assert champion_since(run, registered, verdict) == f"v{other}"
    about_other = verdict.model_copy(update={"champion_version": str(other)})
    assert champion_since(run, registered, about_other) is None
    registry.delete_registered_model_alias("late", CHAMPION)
    assert champion_since(run, registered, about_other) == "none"


def test_a_refused_candidate_stays_a_challenger(run, asked):
    registered, verdict = asked()
    settled = approve(replace(run, answer=answer(approved=False)), registered, verdict)
    assert (settled.result, settled.promotes) == ("reject", False)
    assert STAGES["promote"].why_not(run, registered, verdict, settled) == settled.sentence
    assert holder(run, CHALLENGER) == registered.version


def test_a_gate_that_failed_is_overruled_only_with_a_reason_and_that_is_recorded(run, asked):
    registered, verdict = asked("reject")
    with pytest.raises(PromotionError, match="alice approved it without a reason"):
        approve(replace(run, answer=answer(reason="")), registered, verdict)
    settled = approve(replace(run, answer=answer()), registered, verdict)
    promote(run, registered, settled)
    tags = Tracker(run.tracking_uri).client.get_model_version("late", registered.version).tags
    assert tags["perennial.approval"] == "approved against gates"
    assert tags["perennial.verdict"] == "reject"


def test_the_ledger_knows_of_an_answer_and_not_of_one_to_another_verdict(
    spec, run, log_candidate, evaluation_of, asked
):
    run = replace(run, spec=spec.model_copy(update={"approval": Approval(when="always")}))
    candidate = log_candidate()
    verdict = decide_stage(run, evaluation_of(candidate), candidate)
    registered = register(run, candidate, evaluation_of(candidate), verdict)
    assert not has_ended(run.store, "late", run.run_id)

    refused = approve(replace(run, answer=answer(approved=False)), registered, verdict)
    assert read_verdict(run.store, "late", run.run_id) == refused
    assert has_ended(run.store, "late", run.run_id)

    changed = verdict.model_copy(update={"champion_version": "77"})
    approve(replace(run, answer=answer()), registered, changed)
    assert read_verdict(run.store, "late", run.run_id) == verdict


def test_approvers_whom_nobody_would_ask_are_refused():
    with pytest.raises(ValidationError, match="nobody is ever asked"):
        Approval(approvers=("alice",))
