"""Decide whether the results of a check's tests trigger a retraining.

Pure: the same arguments give the same decision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Literal

from perennial.ensemble.records import Reweighting
from perennial.moments import shifted
from perennial.monitoring.earlier_checks import History, counts_for
from perennial.monitoring.records import Alarm, Decision, DriftTestResult, LedgerEntry, OpenCheck, reweighting_of
from perennial.monitoring.rollback_decision import rollback_decision
from perennial.spec import ModelSpec
from perennial.spec.monitoring import DriftTestName, Monitoring

DAMPED: frozenset[DriftTestName] = frozenset({"ks", "categorical", "predictions"})
"""Tests that look at one batch at a time, so they must fire in several of the last checks, unless a chart has learnt
what is usual for a batch."""
DRIFT: frozenset[DriftTestName] = DAMPED | {"page_hinkley"}
"""Tests that show that something has changed, but not whether a training would help."""


def govern(spec: ModelSpec, check: OpenCheck, results: Sequence[DriftTestResult], history: History) -> Decision:
    """Decide on one check.

    Parameters
    ----------
    spec : ModelSpec
        Its `monitoring` has the requirements for tests, its `retraining` the limits.
    check : OpenCheck
    results : sequence of DriftTestResult
        Results of the tests, one for each test.
    history : History

    Returns
    -------
    Decision
        `trigger`: retrain now, under the run id given. `coalesce`: a retraining is under way; the same rows are
        checked again when it ends. `hold`: a test fired, but a limit in the reasons holds the retraining back, and
        tests that may trigger stay pending; or a new champion is rolled back instead. `none`: no test calls for a
        retraining.
    """
    if check.incomparable:
        settled = (*_settled(check, history, ()), *_noticed(check))
        unknown = check.incomparable[:1].upper() + check.incomparable[1:]
        gates = spec.evaluation.gates
        if not spec.retraining.first:
            forbidden = f"{unknown}, and the spec leaves the first training to people."
            return Decision(outcome="none", reasons=(forbidden, *settled))
        if check.champion is not None and not (gates.minimum or gates.maximum):
            futile = (
                f"{unknown}, and the spec has no minimum or maximum to judge a candidate by instead of comparing: none "
                "could be promoted. Add one under evaluation.gates, or move or delete the alias."
            )
            return Decision(outcome="none", reasons=(futile, *settled))
        reasons = (f"{unknown}.", *settled)
        return _let_through(spec, check, results, history, fired=(), warned=(), reasons=reasons)
    fired, found = _arguing(spec, check, results, history)
    warned = tuple(r.test for r in results if r.status == "fired" and r.test not in spec.retraining.triggers)
    warnings = tuple(f"{r.sentence} This test only warns." for r in results if r.test in warned)
    notes = (*warnings, *_settled(check, history, fired), *_noticed(check), *_reweighted(reweighting_of(results)))
    rollback = None
    if history.champion_version == _version(check):
        rollback, said = rollback_decision(spec, _version(check), results, f"rollback-{_named(check, results)}")
        notes = (*notes, *said)
    if rollback is not None and rollback.when == "act":
        reasons = (*found, *notes)
        return Decision(outcome="hold", reasons=reasons, warned=warned, held_by="rollback", rollback=rollback)
    decided = _on_tests(spec, check, results, history, fired=fired, warned=warned, found=found, notes=notes)
    return decided.model_copy(update={"rollback": rollback})


def _on_tests(
    spec: ModelSpec,
    check: OpenCheck,
    results: Sequence[DriftTestResult],
    history: History,
    *,
    fired: tuple[DriftTestName, ...],
    warned: tuple[DriftTestName, ...],
    found: Sequence[str],
    notes: tuple[str, ...],
) -> Decision:
    """Decide by the tests that fired."""
    reweighting = reweighting_of(results)
    if fired and _weights_do(fired, reweighting) and _again(_version(check), history) is None:
        enough = (
            "With these weights the loss is what was expected of the champion, but for noise: nothing is retrained."
        )
        return Decision(outcome="hold", reasons=(*found, *notes, enough), warned=warned, held_by="weights")
    if fired:
        return _let_through(spec, check, results, history, fired=fired, warned=warned, reasons=(*found, *notes))
    if found:
        return Decision(outcome="hold", reasons=(*found, *notes), warned=warned)
    untested = tuple(r.sentence for r in results if r.status == "not tested")
    quiet = () if warned else ("No test fired.",)
    return Decision(outcome="none", reasons=(*quiet, *notes, *untested), warned=warned)


def _arguing(
    spec: ModelSpec, check: OpenCheck, results: Sequence[DriftTestResult], history: History
) -> tuple[tuple[DriftTestName, ...], list[str]]:
    """Return the tests that call for a retraining, and a sentence for each that fired and may trigger."""
    monitoring = spec.watch
    fired: list[DriftTestName] = []
    reasons = []
    for result in results:
        if result.test not in spec.retraining.triggers:
            continue
        if result.status == "fired":
            enough, count = _enough_of_the_last(monitoring, check, result, history.recent)
            reasons.append(f"{result.sentence}{count}")
            if enough:
                fired.append(result.test)
        elif history.alarm and _still_pending(monitoring, check, result, history.alarm):
            fired.append(result.test)
            found = history.alarm.sequence
            reasons.append(f"{result.test} fired in check {found} and was held back; these rows do not settle it.")
    return tuple(fired), reasons


def _settled(check: OpenCheck, history: History, fired: Sequence[DriftTestName]) -> tuple[str, ...]:
    """Return a sentence about a pending alarm that is no longer pending, although it triggered nothing."""
    alarm = history.alarm
    if alarm is None:
        return ()
    champion = check.champion.version if check.champion else None
    if alarm.champion_version != champion:
        spoke_of = (
            "a model without a champion" if alarm.champion_version is None else f"champion v{alarm.champion_version}"
        )
        now = "there is none now" if champion is None else f"v{champion} is champion now"
        return (f"The alarm of check {alarm.sequence} is settled: it was about {spoke_of}, and {now}.",)
    over = [name for name in alarm.tests if name not in fired]
    return (f"The alarm of check {alarm.sequence} is settled: {', '.join(over)} found nothing now.",) if over else ()


def _reweighted(reweighting: Reweighting | None) -> tuple[str, ...]:
    """Return a sentence about how the weights of models that serve together change."""
    return (reweighting.sentence,) if reweighting else ()


def _weights_do(fired: Sequence[DriftTestName], reweighting: Reweighting | None) -> bool:
    """Tell whether changed weights are enough of a response: only drift tests fired, no limit of a metric or of rows."""
    return reweighting is not None and reweighting.within_noise and DRIFT.issuperset(fired)


def _version(check: OpenCheck) -> str | None:
    return check.champion.version if check.champion else None


def _noticed(check: OpenCheck) -> tuple[str, ...]:
    """Return sentences about rows of the source that lie in the future, and about an alias that was moved by hand."""
    return tuple(filter(None, (check.moved_by_hand, check.future.sentence if check.future else "")))


def _enough_of_the_last(
    monitoring: Monitoring, check: OpenCheck, result: DriftTestResult, recent: Sequence[LedgerEntry]
) -> tuple[bool, str]:
    """Tell whether a test has fired often enough, with a sentence that says how often."""
    name, require = result.test, monitoring.require
    if name not in DAMPED or result.chart is not None:
        return True, ""
    earlier = list(islice((entry.results for entry in recent if counts_for(check, entry)), require.of - 1))
    times = 1 + sum(any(r.test == name and r.status == "fired" for r in results) for results in earlier)
    count = f" Fired in {times} of the last {len(earlier) + 1} checks; {require.checks} of {require.of} are required."
    return times >= require.checks, count


def _still_pending(monitoring: Monitoring, check: OpenCheck, result: DriftTestResult, alarm: Alarm) -> bool:
    """Tell whether an alarm that was held back is still pending: same champion, and not contradicted by these rows."""
    if check.champion is None or result.test not in alarm.tests:
        return False
    if alarm.champion_version != check.champion.version:
        return False
    if result.status == "not tested":
        return True
    if result.test == "page_hinkley" and monitoring.page_hinkley is not None:
        # After an alarm the detector starts again and treats the new level as normal. So the level itself decides.
        shift = result.figures.get("mean_loss_shift")
        return isinstance(shift, (int, float)) and abs(shift) >= monitoring.page_hinkley.shift / 2
    return False


def _let_through(
    spec: ModelSpec,
    check: OpenCheck,
    results: Sequence[DriftTestResult],
    history: History,
    *,
    fired: tuple[DriftTestName, ...],
    warned: tuple[DriftTestName, ...],
    reasons: tuple[str, ...],
) -> Decision:
    """Decide to trigger, unless a retraining is under way or has just ended, or a limit holds it back."""
    champion = check.champion.version if check.champion else None
    alarm = Alarm(tests=fired, champion_version=champion, sequence=check.sequence, as_of=check.as_of)
    if (
        history.alarm is not None
        and history.alarm.champion_version == champion
        and set(history.alarm.tests) & set(fired)
    ):
        alarm = history.alarm.model_copy(update={"tests": fired, "until": None})
    again = _again(champion, history)
    if again:
        return Decision(outcome="coalesce", reasons=(*reasons, again), fired=fired, warned=warned, alarm=alarm)
    limit = (
        _source(spec, check, results, history)
        or _breaker(spec, check, history)
        or _cooldown(spec, check, history)
        or _budget(spec, check, history)
    )
    if limit:
        alarm = alarm.model_copy(update={"until": limit.until})
        return Decision(
            outcome="hold",
            reasons=(*reasons, limit.sentence),
            fired=fired,
            warned=warned,
            alarm=alarm,
            held_by=limit.name,
        )
    run_id = f"drift-{_named(check, results)}"
    return Decision(outcome="trigger", reasons=reasons, fired=fired, warned=warned, run_id=run_id)


def _named(check: OpenCheck, results: Sequence[DriftTestResult]) -> str:
    """Return what names a run that follows from a check: the same rows and results give the same."""
    content = check.model_dump_json() + "".join(result.model_dump_json() for result in results)
    return f"{check.sequence}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _again(champion: str | None, history: History) -> str | None:
    """Return why these rows have to be checked again before they may trigger a retraining; None if they need not."""
    if history.active:
        return f"A retraining is under way ({', '.join(history.active)}); these rows are checked again when it ends."
    if history.champion_version == champion:
        return None
    now = "there is no champion" if history.champion_version is None else f"v{history.champion_version} is champion"
    return f"The champion has changed since the check began: {now} now. These rows are checked again."


@dataclass(frozen=True)
class _Limit:
    name: Literal["source", "breaker", "cool-down", "budget"]
    sentence: str
    until: datetime | None


def _triggered_at(entries: Sequence[LedgerEntry], history: History) -> list[datetime]:
    """Return when retrainings were triggered, newest first.

    Checks before a set-back of the cursor may have wrong, later event times: they count as at most the time to which
    the cursor was set. Times in the future count as long ago, because a limit that starts there would never end.
    """
    back = history.set_back
    moments = [min(e.as_of, back.to) if back and e.sequence < back.sequence else e.as_of for e in entries]
    return [moment for moment in moments if moment <= history.latest]


def _source(spec: ModelSpec, check: OpenCheck, results: Sequence[DriftTestResult], history: History) -> _Limit | None:
    """Say that the source looks broken: what broke is not to be learnt from before it lasts, or someone has looked."""
    broken = dict.fromkeys(column for result in results for column in result.broken)
    if not broken:
        return None
    require = spec.watch.require
    earlier = list(islice((entry.results for entry in history.recent if counts_for(check, entry)), require.of - 1))
    times = 1 + sum(any(result.broken for result in found) for found in earlier)
    if times >= require.checks:
        return None
    return _Limit(
        "source",
        f"Look at the source first: {', '.join(broken)} look{'s' if len(broken) == 1 else ''} broken, in {times} of "
        f"the last {len(earlier) + 1} checks. The retraining waits until it is {require.checks} of {require.of}, or "
        "until someone triggers it.",
        None,
    )


def _breaker(spec: ModelSpec, check: OpenCheck, history: History) -> _Limit | None:
    """Say that the breaker is open: too many candidates in a row were not promoted."""
    breaker = spec.retraining.breaker
    closed_after = history.breaker_closed.after_sequence if history.breaker_closed else 0
    unsuccessful = list(
        takewhile(lambda e: e.sequence > closed_after and _was_unsuccessful(e, history), history.triggers)
    )
    if len(unsuccessful) < breaker.rejections:
        return None
    # After the reset time one retraining is allowed; if that is unsuccessful too, the time starts again.
    moments = _triggered_at(unsuccessful, history)
    if not moments:
        return None
    until = shifted(moments[0], timedelta(days=breaker.reset_days))
    if check.as_of >= until:
        return None
    return _Limit(
        "breaker",
        f"The breaker is open: the last {len(unsuccessful)} retrainings were rejected, inconclusive or failed. "
        f"It lets one through at {until:%Y-%m-%d %H:%M} UTC, or when someone closes it.",
        until,
    )


def _was_unsuccessful(entry: LedgerEntry, history: History) -> bool:
    outcome = history.outcomes.get(entry.decision.run_id or "")
    return outcome is not None and outcome.result in ("rejected", "inconclusive", "failed")


def _cooldown(spec: ModelSpec, check: OpenCheck, history: History) -> _Limit | None:
    """Return the cool-down as a limit, if the last retraining is too recent."""
    moments = _triggered_at(history.triggers, history)
    if not moments:
        return None
    last = moments[0]
    until = shifted(last, timedelta(days=spec.retraining.cooldown_days))
    if check.as_of >= until:
        return None
    return _Limit(
        "cool-down",
        f"Cool-down: the last retraining was triggered at {last:%Y-%m-%d %H:%M} UTC; "
        f"the next one may be triggered from {until:%Y-%m-%d %H:%M} UTC on.",
        until,
    )


def _budget(spec: ModelSpec, check: OpenCheck, history: History) -> _Limit | None:
    """Return the budget as a limit, if it is used up."""
    at_most = spec.retraining.at_most
    moments = _triggered_at(history.triggers, history)
    if len(moments) < at_most.retrainings:
        return None
    until = shifted(moments[at_most.retrainings - 1], timedelta(days=at_most.days))
    if check.as_of >= until:
        return None
    return _Limit(
        "budget",
        f"Budget: {at_most.retrainings} retrainings were triggered in the last {at_most.days:g} days, and no more are "
        f"allowed until {until:%Y-%m-%d %H:%M} UTC.",
        until,
    )
