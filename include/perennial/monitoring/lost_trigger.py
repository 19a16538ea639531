"""A retraining that a closed check called for and that never came."""

from __future__ import annotations

from perennial.monitoring import ledger
from perennial.monitoring.records import LedgerEntry, MonitorState
from perennial.registry.records import Champion
from perennial.run import MonitorRun


def lost_trigger(run: MonitorRun, state: MonitorState, champion: Champion | None) -> LedgerEntry | None:
    """Return the newest check that triggered a retraining, if nothing came of it and nothing will.

    It was neither promoted nor rejected, has not failed for good, and nobody has begun it, or has it under way. Whoever
    takes the check up again triggers the same run id: should the retraining turn up after all, it is the same one.

    Of a check that another champion has been set after, nothing is owed: the drift that it found was another model's.
    So it is with all but the newest trigger.

    Parameters
    ----------
    run : MonitorRun
        Its `active` and `was_started` say what is under way, and what was begun.
    state : MonitorState
    champion : Champion or None
        Who has the alias now.
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
