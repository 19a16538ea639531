from __future__ import annotations

from datetime import timedelta

import pytest

from perennial.data.snapshots.records import FutureRows
from perennial.drift.charts.chart_state import ChartState
from perennial.ensemble.records import Reweighting
from perennial.models.manifest import MeanLoss
from perennial.monitoring.earlier_checks import History
from perennial.monitoring.governor import govern
from perennial.monitoring.records import Alarm, BreakerClosed, RetrainingOutcome, SetBack
from tests.unit.monitoring.parcels import NOW, day, make_check, make_entry, make_result, make_spec

FIRED, QUIET = make_result("ks"), make_result("ks", "quiet")
PH = make_result("page_hinkley", figures={"mean_loss_shift": 0.5})
AT_ONCE = {"require": {"checks": 1, "of": 1}}


def past(*recent, champion="1", triggers=(), outcomes=(), **given):
    """Return what the governor knows; checks and triggers in the order in which they were made."""
    return History(
        recent=recent[::-1],
        triggers=triggers[::-1],
        outcomes={run_id: RetrainingOutcome(run_id=run_id, result=result) for run_id, result in outcomes},
        champion_version=champion,
        **{"latest": NOW, **given},
    )


def unsuccessful(*days, result="rejected"):
    """Return triggers on these days, and that all of them came to nothing."""
    entries = tuple(make_entry(number, "trigger", at=at) for number, at in enumerate(days, start=1))
    return {"triggers": entries, "outcomes": [(entry.decision.run_id, result) for entry in entries]}


def alarm(*tests, champion="1", sequence=3):
    return Alarm(tests=tests or ("ks",), champion_version=champion, sequence=sequence, as_of=day(sequence))


def decide(*results, check=None, known=None, monitoring=None, **retraining):
    spec = make_spec(monitoring or AT_ONCE, {"cooldown_days": 0, **retraining})
    return govern(spec, check or make_check(10), results, known or past())


def words(decision):
    return " ".join(decision.reasons)


# Each case: what was found, what is known, and what must come of it, in which words.
def test_a_model_without_a_champion_gets_its_first_training():
    decision = decide(check=make_check(1, champion=None), known=past(champion=None))
    assert decision.outcome == "trigger"
    assert decision.run_id.startswith("drift-1-")
    assert decision.reasons == ("There is no champion yet.",)


def test_the_first_training_is_peoples_where_the_spec_says_so():
    decision = decide(check=make_check(1, champion=None), known=past(champion=None), first=False)
    assert (decision.outcome, decision.run_id, decision.alarm) == ("none", None, None)
    assert "leaves the first training to people" in words(decision)


def test_a_first_training_under_way_is_waited_for():
    decision = decide(check=make_check(1, champion=None), known=past(champion=None, active=("first",)))
    assert decision.outcome == "coalesce"
    assert decision.alarm.tests == ()


def test_first_trainings_have_limits_like_all_others():
    known = past(champion=None, **unsuccessful(1, 2, 3, result="failed"))
    decision = decide(check=make_check(4, champion=None), known=known)
    assert decision.outcome == "hold"
    assert "The breaker is open: the last 3 retrainings" in words(decision)


def test_where_nothing_fires_nothing_happens_and_what_was_not_tested_is_said():
    decision = decide(QUIET, make_result("page_hinkley", "not tested"))
    assert decision.outcome == "none"
    assert decision.reasons == ("No test fired.", "page_hinkley: not tested.")


@pytest.mark.parametrize("name", ["page_hinkley", "performance"])
def test_tests_with_damping_of_their_own_trigger_at_once(name):
    decision = decide(make_result(name), monitoring={"require": {"checks": 3, "of": 3}})
    assert (decision.outcome, decision.fired) == ("trigger", (name,))


@pytest.mark.parametrize(
    ("before", "outcome", "said"),
    [
        ([], "hold", "Fired in 1 of the last 1 checks; 2 of 3 are required."),
        ([QUIET, QUIET], "hold", "Fired in 1 of the last 3 checks"),
        ([FIRED], "trigger", "Fired in 2 of the last 2 checks"),
        ([FIRED, QUIET], "trigger", "Fired in 2 of the last 3 checks"),
        ([FIRED, QUIET, QUIET], "hold", "Fired in 1 of the last 3 checks"),
        ([FIRED, make_result("ks", "not tested"), QUIET], "hold", "Fired in 1 of the last 3 checks"),
        ([make_result("categorical")], "hold", "Fired in 1 of the last 2 checks"),
    ],
)
def test_a_drift_test_must_fire_in_so_many_of_the_last_checks(before, outcome, said):
    entries = [make_entry(number, "none", result) for number, result in enumerate(before, start=1)]
    decision = decide(FIRED, known=past(*entries), monitoring={"require": {"checks": 2, "of": 3}})
    assert decision.outcome == outcome
    assert said in words(decision)


CHARTED = make_result("ks", chart=ChartState(reference="r"))


def test_what_a_chart_finds_triggers_at_once():
    decision = decide(CHARTED, monitoring={"require": {"checks": 3, "of": 3}})
    assert (decision.outcome, decision.fired) == ("trigger", ("ks",))


BROKEN = make_result("ks", chart=ChartState(reference="r"), broken=("weight",))


@pytest.mark.parametrize(
    ("before", "outcome"),
    [([], "hold"), ([CHARTED, QUIET], "hold"), ([BROKEN], "trigger"), ([BROKEN, QUIET], "trigger")],
)
def test_what_looks_broken_waits_until_it_lasts(before, outcome):
    entries = [make_entry(number, "none", result) for number, result in enumerate(before, start=1)]
    decision = decide(BROKEN, known=past(*entries), monitoring={"require": {"checks": 2, "of": 3}})
    assert decision.outcome == outcome
    if outcome == "hold":
        assert decision.held_by == "source"
        assert decision.alarm.tests == ("ks",)
        assert "Look at the source first: weight looks broken" in words(decision)
        assert "until it is 2 of 3, or until someone triggers it" in words(decision)


def test_losses_that_move_with_a_broken_column_wait_with_it_and_are_settled_when_it_is_mended():
    two_of_three = {"require": {"checks": 2, "of": 3}}
    held = decide(PH, BROKEN, monitoring=two_of_three)
    assert (held.outcome, held.held_by, held.alarm.tests) == ("hold", "source", ("page_hinkley", "ks"))
    before = past(make_entry(9, "hold", PH, BROKEN), alarm=held.alarm)
    level = make_result("page_hinkley", "quiet", figures={"mean_loss_shift": 0.4})
    lasting = decide(level, BROKEN, known=before, monitoring=two_of_three)
    assert (lasting.outcome, lasting.fired) == ("trigger", ("page_hinkley", "ks"))
    mended = make_result("page_hinkley", "quiet", figures={"mean_loss_shift": 0.0})
    settled = decide(mended, QUIET, known=before, monitoring=two_of_three)
    assert (settled.outcome, settled.alarm) == ("none", None)
    assert "is settled" in words(settled)


@pytest.mark.parametrize(
    "entry",
    [
        make_entry(1, "none", FIRED, champion="0"),
        make_entry(1, "coalesce", FIRED),
        make_entry(1, "hold", FIRED, batch=None),
        make_entry(1, "trigger", champion=None),
    ],
    ids=["another champion's", "coalesced", "without rows", "without a champion"],
)
def test_only_checks_that_compared_rows_of_their_own_with_this_champion_count(entry):
    decision = decide(FIRED, known=past(entry), monitoring={"require": {"checks": 2, "of": 3}})
    assert decision.outcome == "hold"
    assert "Fired in 1 of the last 1 checks" in words(decision)


def test_what_may_only_warn_warns():
    decision = decide(make_result("categorical"), make_result("volume"), QUIET)
    assert (decision.outcome, decision.fired, decision.warned) == ("none", (), ("categorical", "volume"))
    assert decision.reasons == (
        "categorical: fired. This test only warns.",
        "volume: fired. This test only warns.",
    )


def test_the_spec_says_what_may_trigger():
    decision = decide(make_result("predictions"), FIRED, triggers=["predictions"])
    assert (decision.outcome, decision.fired, decision.warned) == ("trigger", ("predictions",), ("ks",))


def test_what_is_found_while_a_retraining_runs_is_checked_again():
    decision = decide(FIRED, known=past(active=("scheduled", "manual")))
    assert (decision.outcome, decision.run_id) == ("coalesce", None)
    assert "under way (scheduled, manual)" in words(decision)
    assert decision.alarm == Alarm(tests=("ks",), champion_version="1", sequence=10, as_of=day(10))


@pytest.mark.parametrize(("now", "said"), [("2", "v2 is champion now"), (None, "there is no champion now")])
def test_what_was_found_against_a_champion_that_was_replaced_meanwhile_is_checked_again(now, said):
    decision = decide(FIRED, known=past(champion=now))
    assert decision.outcome == "coalesce"
    assert said in words(decision)


def test_a_first_champion_that_came_meanwhile_is_not_trained_again():
    assert decide(check=make_check(1, champion=None), known=past(champion="1")).outcome == "coalesce"


@pytest.mark.parametrize(("days", "outcome"), [(2.99, "hold"), (3, "trigger")])
def test_cool_down(days, outcome):
    known = past(triggers=(make_entry(1, "trigger", at=10 - days),))
    decision = decide(FIRED, known=known, cooldown_days=3)
    assert decision.outcome == outcome
    if outcome == "hold":
        assert "the next one may be triggered from 2025-03-11 00:14 UTC on" in words(decision)
        assert decision.alarm.until == day(10) + timedelta(days=0.01)


@pytest.mark.parametrize(("days", "outcome"), [((3, 5), "hold"), ((2, 5), "trigger"), ((5,), "trigger")])
def test_budget(days, outcome):
    triggers = tuple(make_entry(number, "trigger", at=at) for number, at in enumerate(days, start=1))
    limits = {"at_most": {"retrainings": 2, "days": 8}}
    decision = decide(FIRED, known=past(triggers=triggers), **limits)
    assert decision.outcome == outcome
    if outcome == "hold":
        assert "Budget: 2 retrainings were triggered in the last 8 days" in words(decision)
        assert decision.alarm.until == day(11)


BREAKER = {"breaker": {"rejections": 2, "reset_days": 5}, "at_most": {"retrainings": 99}}


@pytest.mark.parametrize("result", ["rejected", "failed"])
def test_the_breaker_opens_after_so_many_rejected_or_failed_retrainings(result):
    decision = decide(FIRED, known=past(**unsuccessful(8, 9, result=result)), **BREAKER)
    assert (decision.outcome, decision.held_by) == ("hold", "breaker")
    assert "The breaker is open: the last 2 retrainings were rejected, inconclusive or failed" in words(decision)
    assert decision.alarm.until == day(14)


@pytest.mark.parametrize("result", ["promoted", "running"])
def test_the_breaker_stays_closed_where_the_last_one_was_promoted_or_is_running(result):
    known = unsuccessful(7, 8, 9)
    known["outcomes"][-1] = (known["outcomes"][-1][0], result)
    assert decide(FIRED, known=past(**known), **BREAKER).outcome == "trigger"


def test_a_success_long_ago_does_not_close_it():
    known = unsuccessful(1, 8, 9)
    known["outcomes"][0] = (known["outcomes"][0][0], "promoted")
    assert decide(FIRED, known=past(**known), **BREAKER).outcome == "hold"


@pytest.mark.parametrize(
    ("days", "outcome"),
    [((3, 5), "trigger"), ((3, 5.1), "hold"), ((1, 2, 5), "trigger"), ((1, 2, 7), "hold")],
)
def test_half_open_after_the_reset_time_it_lets_one_through_and_waits_again(days, outcome):
    assert decide(FIRED, known=past(**unsuccessful(*days)), **BREAKER).outcome == outcome


@pytest.mark.parametrize(("after", "outcome"), [(2, "trigger"), (1, "trigger"), (0, "hold")])
def test_closed_by_hand_it_counts_from_there(after, outcome):
    closed = BreakerClosed(after_sequence=after, by="me")
    assert decide(FIRED, known=past(**unsuccessful(8, 9), breaker_closed=closed), **BREAKER).outcome == outcome


def test_a_retraining_under_way_is_told_before_any_limit():
    assert decide(FIRED, known=past(**unsuccessful(8, 9), active=("manual",)), **BREAKER).outcome == "coalesce"


def test_what_is_held_back_stays_pending_with_the_check_that_found_it():
    known = past(triggers=(make_entry(1, "trigger", at=9),), alarm=alarm("ks", "performance", sequence=3))
    decision = decide(FIRED, known=known, cooldown_days=3)
    assert decision.outcome == "hold"
    assert (decision.alarm.tests, decision.alarm.sequence) == (("ks",), 3)
    assert "The alarm of check 3 is settled: performance found nothing now." in words(decision)


@pytest.mark.parametrize(
    "result",
    [
        make_result("ks", "not tested"),
        make_result("page_hinkley", "not tested"),
        make_result("page_hinkley", "quiet", figures={"mean_loss_shift": 0.125}),
        make_result("page_hinkley", "quiet", figures={"mean_loss_shift": -0.2}),
    ],
)
def test_a_pending_alarm_triggers_when_it_may_unless_the_rows_settle_it(result):
    decision = decide(result, known=past(alarm=alarm(result.test)))
    assert (decision.outcome, decision.fired) == ("trigger", (result.test,))
    assert f"{result.test} fired in check 3 and was held back; these rows do not settle it." in words(decision)


@pytest.mark.parametrize(
    "result",
    [
        QUIET,
        make_result("performance", "quiet"),
        make_result("page_hinkley", "quiet", figures={"mean_loss_shift": 0.12}),
        make_result("page_hinkley", "quiet", figures={"mean_loss_shift": None}),
    ],
)
def test_rows_that_show_nothing_settle_a_pending_alarm(result):
    decision = decide(result, known=past(alarm=alarm(result.test)))
    assert (decision.outcome, decision.alarm) == ("none", None)
    assert f"The alarm of check 3 is settled: {result.test} found nothing now." in words(decision)


def test_another_champion_settles_a_pending_alarm():
    decision = decide(make_result("ks", "not tested"), known=past(alarm=alarm(champion="0")))
    assert (decision.outcome, decision.alarm) == ("none", None)
    assert "settled: it was about champion v0, and v1 is champion now" in words(decision)


def test_a_first_champion_settles_the_alarm_that_there_is_none():
    decision = decide(QUIET, known=past(alarm=Alarm(tests=(), champion_version=None, sequence=1, as_of=day(1))))
    assert decision.outcome == "none"
    assert "it was about a model without a champion, and v1 is champion now" in words(decision)


def test_a_champion_that_is_gone_settles_its_alarm():
    decision = decide(check=make_check(5, champion=None), known=past(champion=None, alarm=alarm()), first=False)
    assert decision.outcome == "none"
    assert "it was about champion v1, and there is none now" in words(decision)


def test_what_the_same_decision_triggers_has_one_name_and_another_decision_another():
    names = [decide(FIRED).run_id, decide(FIRED).run_id, decide(PH).run_id, decide(FIRED, check=make_check(9)).run_id]
    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_a_retraining_of_the_future_holds_nothing_back():
    """No limit may last for centuries because of one wrong event time in the ledger."""
    century = 365 * 163
    limits = {
        "cooldown_days": 3,
        "at_most": {"retrainings": 1, "days": 30},
        "breaker": {"rejections": 1, "reset_days": 30},
    }
    assert decide(FIRED, known=past(**unsuccessful(century)), **limits).outcome == "trigger"
    # What can be true still holds back.
    held = decide(FIRED, known=past(**unsuccessful(9, century)), cooldown_days=3)
    assert (held.outcome, held.held_by) == ("hold", "cool-down")
    held = decide(FIRED, known=past(**unsuccessful(9, century)), breaker={"rejections": 2, "reset_days": 30})
    assert (held.outcome, held.held_by) == ("hold", "breaker")


def test_retrainings_before_the_cursor_was_set_back_count_as_where_it_was_set():
    """An event time that can be true by the clock may be wrong all the same: a row of 2025 dated half a year later."""
    back = SetBack(sequence=3, to=day(8), by="me", reason="a wrong clock")
    known = past(**unsuccessful(200), set_back=back)
    held = decide(FIRED, known=known, cooldown_days=3)
    assert (held.outcome, held.held_by, held.alarm.until) == ("hold", "cool-down", day(11))
    assert decide(FIRED, known=known, cooldown_days=2).outcome == "trigger"
    afterwards = past(triggers=(make_entry(4, "trigger", at=9),), set_back=back)
    assert decide(FIRED, known=afterwards, cooldown_days=3).alarm.until == day(12)


def test_rows_that_were_set_aside_are_among_the_reasons_whatever_comes_of_it():
    future = FutureRows(rows=2, latest=NOW, examples=("a.csv, row 7: 2188-03-28 00:00:00 UTC",))
    for results, outcome in (([QUIET], "none"), ([FIRED], "trigger")):
        decision = decide(*results, check=make_check(10, future=future))
        assert (decision.outcome, decision.reasons[-1]) == (outcome, future.sentence)
    first = decide(check=make_check(1, champion=None, future=future), known=past(champion=None))
    assert first.reasons[-1] == future.sentence


def moved(*, within_noise):
    """Return what the performance test found about the weights of models that serve together."""
    loss = MeanLoss(rows=500, mean=0.2, standard_error=0.01)
    weights = Reweighting(
        members=(), loss_before=loss, loss=loss, expected=loss, within_noise=within_noise, sentence="The weights moved."
    )
    return make_result("performance", "quiet").model_copy(update={"reweighting": weights})


@pytest.mark.parametrize("result", [FIRED, PH])
def test_a_drift_that_moved_weights_answer_is_held_and_not_pending(result):
    decision = decide(result, moved(within_noise=True))
    assert (decision.outcome, decision.held_by, decision.fired, decision.alarm) == ("hold", "weights", (), None)
    assert decision.reasons[-2:] == (
        "The weights moved.",
        "With these weights the loss is what was expected of the champion, but for noise: nothing is retrained.",
    )


def test_a_drift_that_moved_weights_do_not_answer_triggers():
    decision = decide(FIRED, moved(within_noise=False))
    assert decision.outcome == "trigger"
    assert "The weights moved." in decision.reasons


def test_what_the_spec_demands_of_metric_or_rows_is_not_answered_by_weights():
    moves = moved(within_noise=True)
    floor = moves.model_copy(update={"status": "fired"})
    assert decide(floor).outcome == "trigger"
    volume = {**AT_ONCE, "volume": {"rows": 1}}
    assert decide(make_result("volume"), moves, monitoring=volume, triggers=("volume",)).outcome == "trigger"


def test_weights_of_a_champion_that_has_been_replaced_meanwhile_hold_nothing():
    decision = decide(FIRED, moved(within_noise=True), known=past(champion="2"))
    assert decision.outcome == "coalesce"


def test_weights_that_move_without_any_drift_are_said():
    decision = decide(QUIET, moved(within_noise=True))
    assert (decision.outcome, decision.reasons) == ("none", ("No test fired.", "The weights moved."))
