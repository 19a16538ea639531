"""A person's answer -> verdict, and the card that says who answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.model_card.write import write_card
from perennial.promotion.approval import approve as keep_approval

if TYPE_CHECKING:
    from perennial.promotion.records import RegisteredVersion, Verdict
    from perennial.run import RetrainingRun


def approve(run: RetrainingRun, registered: RegisteredVersion, verdict: Verdict) -> Verdict:
    """Keep the answer; raises as `perennial.promotion.approval.approve`."""
    settled = keep_approval(run, registered, verdict)
    write_card(run, registered.version)
    return settled
