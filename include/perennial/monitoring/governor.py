"""Whether what the checks found retrains the model. Pure: the same arguments give the same decision."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from perennial.monitoring.records import (
    Alarm,
    BreakerClosed,
    CheckResult,
    Decision,
    LedgerEntry,
    OpenCheck,
    RetrainingOutcome,
)
from perennial.spec import ModelSpec
from perennial.spec.monitoring import CheckName, Monitoring

DAMPED: frozenset[CheckName] = frozenset({"ks", "categorical", "predictions"})
"""Checks that look at one batch at a time, and so must fire in several of the last checks."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """What the governor may know besides the check itself.

    Attributes
    ----------
    ledger : sequence of LedgerEntry
        All earlier checks, oldest first.
    outcomes : mapping
        How the retrainings that the ledger's decisions triggered ended, by run id.
    active : tuple of str
        Ids of the model's retrainings that are queued or running, whoever started them.
    alarm : Alarm or None
        What earlier checks left pending.
    breaker_closed : BreakerClosed or None
        The last time that someone closed the breaker by hand.
    """

    ledger: Sequence[LedgerEntry] = ()
    outcomes: Mapping[str, RetrainingOutcome]
    active: tuple[str, ...] = ()
    alarm: Alarm | None = None
    breaker_closed: BreakerClosed | None = None


def govern(spec: ModelSpec, check: OpenCheck, results: Sequence[CheckResult], past: Past) -> Decision:
    """Decide on one check.

    Parameters
    ----------
    spec : ModelSpec
        Its `monitoring` says which checks fire together, its `retraining` what is let through.
    check : OpenCheck
    results : sequence of CheckResult
        What the checks found, one entry each.
    past : Past

    Returns
    -------
    Decision
        `trigger`: retrain now, under the run id given. `coalesce`: a retraining is under way; the same rows are
        checked again when it ends. `hold`: something fired, and a stated limit keeps it; what may trigger stays
        pending. `none`: nothing argues for a retraining.
    """
    if check.champion is None:
        if not spec.retraining.first:
            return Decision(
                outcome="none", reasons=("There is no champion yet, and the spec leaves the first training to people.",)
            )
        return _let_through(spec, check, results, past, fired=(), warned=(), reasons=("There is no champion yet.",))
    fired, reasons = _arguing(spec, check, results, past)
    warned = tuple(r.check for r in results if r.status == "fired" and r.check not in spec.retraining.triggers)
    warnings = tuple(f"{r.sentence} This check only warns." for r in results if r.check in warned)
    if fired:
        return _let_through(spec, check, results, past, fired=fired, warned=warned, reasons=(*reasons, *warnings))
    if reasons:
        return Decision(outcome="hold", reasons=(*reasons, *warnings), warned=warned)
    untested = tuple(r.sentence for r in results if r.status == "not tested")
    return Decision(outcome="none", reasons=(*(warnings or ("No check fired.",)), *untested), warned=warned)


def _arguing(
    spec: ModelSpec, check: OpenCheck, results: Sequence[CheckResult], past: Past
) -> tuple[tuple[CheckName, ...], list[str]]:
    """Return the checks that argue for a retraining, and a sentence for each that fired and may trigger."""
    monitoring = spec.monitoring or Monitoring()
    fired: list[CheckName] = []
    reasons = []
    for result in results:
        if result.check not in spec.retraining.triggers:
            continue
        if result.status == "fired":
            enough, count = _enough_of_the_last(monitoring, check, result.check, past.ledger)
            reasons.append(f"{result.sentence}{count}")
            if enough:
                fired.append(result.check)
        alarm = past.alarm
        if alarm and result.check not in fired and _still_pending(monitoring, check, result, alarm):
            fired.append(result.check)
            reasons.append(f"{result.check} fired in check {alarm.sequence} and was held back; it is not settled.")
    return tuple(fired), reasons


def _enough_of_the_last(
    monitoring: Monitoring, check: OpenCheck, name: CheckName, ledger: Sequence[LedgerEntry]
) -> tuple[bool, str]:
    """Tell whether a check has fired often enough, and say how often.

    Only checks of the same champion count, and no coalesced ones: their rows are checked again.
    """
    if name not in DAMPED:
        return True, ""
    require = monitoring.require
    counted = [
        entry.results
        for entry in ledger
        if entry.check.champion is not None
        and check.champion is not None
        and entry.check.champion.version == check.champion.version
        and entry.decision.outcome != "coalesce"
        and any(r.check == name and r.status != "not tested" for r in entry.results)
    ]
    recent = counted[-(require.of - 1) :] if require.of > 1 else []
    times = 1 + sum(any(r.check == name and r.status == "fired" for r in entry) for entry in recent)
    enough = times >= require.checks
    return (
        enough,
        f" Fired in {times} of the last {len(recent) + 1} checks; {require.checks} of {require.of} are required.",
    )


def _still_pending(monitoring: Monitoring, check: OpenCheck, result: CheckResult, alarm: Alarm) -> bool:
    """Tell whether an alarm that was held back still stands: same champion, and these rows do not contradict it."""
    if check.champion is None or result.check not in alarm.checks:
        return False
    if alarm.champion_version != check.champion.version:
        return False
    if result.status == "not tested":
        return True
    if result.check == "page_hinkley" and monitoring.page_hinkley is not None:
        # The detector begins afresh after an alarm and would take the new level for normal: the level itself decides.
        shift = result.figures.get("mean_loss_shift")
        return isinstance(shift, (int, float)) and abs(shift) >= monitoring.page_hinkley.shift / 2
    return False


def _let_through(
    spec: ModelSpec,
    check: OpenCheck,
    results: Sequence[CheckResult],
    past: Past,
    *,
    fired: tuple[CheckName, ...],
    warned: tuple[CheckName, ...],
    reasons: tuple[str, ...],
) -> Decision:
    """Trigger, unless a retraining is under way or a limit holds it back."""
    champion = check.champion.version if check.champion else None
    alarm = Alarm(checks=fired, champion_version=champion, sequence=check.sequence, as_of=check.as_of)
    if past.alarm is not None and past.alarm.champion_version == champion and set(past.alarm.checks) & set(fired):
        alarm = past.alarm.model_copy(update={"checks": fired})
    if past.active:
        under_way = f"A retraining is under way ({', '.join(past.active)}); these rows are checked again when it ends."
        return Decision(outcome="coalesce", reasons=(*reasons, under_way), fired=fired, warned=warned, alarm=alarm)
    limit = _breaker(spec, check, past) or _cooldown(spec, check, past) or _budget(spec, check, past)
    if limit:
        return Decision(outcome="hold", reasons=(*reasons, limit), fired=fired, warned=warned, alarm=alarm)
    content = check.model_dump_json() + "".join(result.model_dump_json() for result in results)
    run_id = f"drift-{check.sequence}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    return Decision(outcome="trigger", reasons=reasons, fired=fired, warned=warned, run_id=run_id)


def _triggers(past: Past) -> list[LedgerEntry]:
    return [entry for entry in past.ledger if entry.decision.outcome == "trigger"]


def _breaker(spec: ModelSpec, check: OpenCheck, past: Past) -> str | None:
    """Say that the breaker is open: too many candidates in a row were rejected or failed."""
    breaker = spec.retraining.breaker
    closed_after = past.breaker_closed.after_sequence if past.breaker_closed else 0
    triggered = [entry for entry in _triggers(past) if entry.sequence > closed_after]
    in_vain = 0
    for entry in reversed(triggered):
        outcome = past.outcomes.get(entry.decision.run_id or "")
        if outcome is None or outcome.result not in ("rejected", "failed"):
            break
        in_vain += 1
    if in_vain < breaker.rejections:
        return None
    # After the reset time one retraining is let through; if that is in vain too, the time starts again.
    until = triggered[-1].as_of + timedelta(days=breaker.reset_days)
    if check.as_of >= until:
        return None
    return (
        f"The breaker is open: the last {in_vain} retrainings were rejected or failed. "
        f"It lets one through at {until:%Y-%m-%d %H:%M} UTC, or when someone closes it."
    )


def _cooldown(spec: ModelSpec, check: OpenCheck, past: Past) -> str | None:
    """Say that the last retraining is too recent."""
    triggered = _triggers(past)
    if not triggered:
        return None
    until = triggered[-1].as_of + timedelta(days=spec.retraining.cooldown_days)
    if check.as_of >= until:
        return None
    return f"Cool-down: the last retraining was triggered at {triggered[-1].as_of:%Y-%m-%d %H:%M} UTC; until {until:%Y-%m-%d %H:%M} UTC none is."


def _budget(spec: ModelSpec, check: OpenCheck, past: Past) -> str | None:
    """Say that the budget of retrainings is used up."""
    at_most = spec.retraining.at_most
    since = check.as_of - timedelta(days=at_most.days)
    spent = sum(entry.as_of > since for entry in _triggers(past))
    if spent < at_most.retrainings:
        return None
    return f"Budget: {spent} retrainings were triggered in the last {at_most.days:g} days, and {at_most.retrainings} are allowed."
