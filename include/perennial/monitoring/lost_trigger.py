"""Find a retraining that a closed check triggered and that was lost."""

from __future__ import annotations

from perennial.monitoring import ledger
from perennial.monitoring.records import LedgerEntry, MonitorState
from perennial.registry.records import Champion
from perennial.run import MonitorRun


def lost_trigger(run: MonitorRun, state: MonitorState, champion: Champion | None) -> LedgerEntry | None:
    """Return the newest check that triggered a retraining, if that retraining was lost.

    It is lost if it was neither promoted nor rejected, has not failed for good, and was never started. Continuing the
    check triggers the same run id: if the lost retraining starts after all, it is the same run.

    If the champion has changed since the check, nothing is returned, because the drift was about another model. The
    same is true of all triggers except the newest.

    Parameters
    ----------
    run : MonitorRun
        Its `active` and `was_started` say which retrainings are under way, and which were started.
    state : MonitorState
    champion : Champion or None
        The current champion.
    """
    if run.active or ledger.find_entry(run.store, run.spec.name, state.sequence + 1) is not None:
        return None
    entry = next(ledger.triggers_before(run.store, run.spec.name, state.sequence + 1), None)
    if entry is None or entry.decision.run_id is None:
        return None
    if _version(entry.check.champion) != _version(champion):
        return None
    run_id = entry.decision.run_id
    if ledger.has_ended(run.store, entry.model, run_id) or run.was_started(run_id):
        return None
    return entry


def _version(champion: Champion | None) -> str | None:
    return champion.version if champion else None
