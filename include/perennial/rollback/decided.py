"""Carries out the rollback that a check decided on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.rollback.records import Examination
from perennial.rollback.request import RollbackRequest
from perennial.rollback.roll_back import roll_back

if TYPE_CHECKING:
    from perennial.monitoring.records import LedgerEntry
    from perennial.promotion.records import Promotion
    from perennial.run import Run


def examined(entry: LedgerEntry) -> Examination | None:
    """Return what the check found out about the version before; None: it decided on no rollback, or asks a person."""
    decided, champion = entry.decision.rollback, entry.check.champion
    if decided is None or decided.when == "ask" or champion is None:
        return None
    return Examination(name=entry.model, version=decided.version, champion=champion.version, sentence=decided.sentence)


def roll_back_as_decided(run: Run, entry: LedgerEntry) -> Promotion | None:
    """Make the version before champion again, if the check decided so; once, however often it is called.

    Returns
    -------
    Promotion or None
        None: there is nothing to roll back.

    Raises
    ------
    PromotionError
        The champion has moved since the check, or the version is gone: nothing is changed, and the check is over.
    TrackingUnavailable
        MLflow does not answer.
    """
    examination, decided = examined(entry), entry.decision.rollback
    if examination is None or decided is None:
        return None
    request = RollbackRequest(
        to=decided.version, reason=decided.reason, by=f"check {entry.sequence}", run_id=decided.run_id
    )
    return roll_back(run, request, examination)
