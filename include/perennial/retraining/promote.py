"""Version -> champion, recorded with the run's reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.layout import PROMOTION
from perennial.model_card.write import write_cards_after
from perennial.promotion.registry import promote as promote_version
from perennial.store.sealed import seal

if TYPE_CHECKING:
    from perennial.promotion.records import Promotion, RegisteredVersion, Verdict
    from perennial.run import RetrainingRun


def promote(
    run: RetrainingRun, registered: RegisteredVersion, verdict: Verdict, answered: Verdict | None = None
) -> Promotion:
    """Move the alias `champion` to the version.

    Raises
    ------
    PromotionError
        The verdict does not promote, or the champion is no longer the one that the candidate was compared with.
    """
    promotion = promote_version(run, registered, answered or verdict)
    run.store.write(run.prefix + PROMOTION.name, seal(promotion))
    write_cards_after(run, promotion)
    return promotion
