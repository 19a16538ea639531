"""Whether a decided retraining is still called for when it is about to start."""

from __future__ import annotations

from perennial.champions.ledger import read_move
from perennial.monitoring.records import LedgerEntry
from perennial.registry.champions import current_champion
from perennial.run import Run


def superseded(run: Run, entry: LedgerEntry) -> str:
    """Return why the retraining that a check decided on must not start; empty: it may.

    Between the decision and the start a process may be killed, and somebody may roll back meanwhile: then what was
    found was about another model. A champion that the retraining itself has made is no reason against its last steps.
    """
    champion = current_champion(run.store, run.tracking_uri, entry.model)
    now, then = (None if one is None else one.version for one in (champion, entry.check.champion))
    if now == then:
        return ""
    move, _ = read_move(run.store, entry.model)
    if move is not None and move.origin is not None and move.origin.run_id == entry.decision.run_id:
        return ""
    found, is_now = (f"champion v{then}" if then else "a model without a champion"), (f"v{now}" if now else "none")
    return (
        f"Check {entry.sequence} was about {found}, and the champion is {is_now} now: its retraining is not started. The "
        "next check is about the champion of now."
    )
