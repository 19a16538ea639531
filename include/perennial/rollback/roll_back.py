"""Moves the alias `champion` back: reference, schema and thresholds follow from the version's record, so all move as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.champions.records import MoveOrigin
from perennial.model_card.write import write_cards_after
from perennial.promotion.champion_move import move_champion
from perennial.rollback.request import made_before

if TYPE_CHECKING:
    from perennial.promotion.records import Promotion
    from perennial.rollback.records import Examination
    from perennial.rollback.request import RollbackRequest
    from perennial.run import Run


def roll_back(run: Run, request: RollbackRequest, examination: Examination) -> Promotion:
    """Make the examined version champion again, and enter the move in the ledger of champions.

    Killed at any point and called again it leaves one move and one entry. The cards of both versions are written anew.

    Raises
    ------
    PromotionError
        The champion is no longer the one that the version was compared with, such as when a candidate was promoted
        meanwhile; or this rollback was made before, and the champion has moved since.
    """
    made_before(run, request)
    origin = MoveOrigin(
        kind="rolled back",
        at=run.now,
        by=request.by,
        run_id=request.run_id,
        reason=request.reason,
        verdict=examination.sentence,
        forced=examination.objections,
    )
    promotion = move_champion(run, examination.name, examination.version, expected=examination.champion, origin=origin)
    write_cards_after(run, promotion)
    return promotion
