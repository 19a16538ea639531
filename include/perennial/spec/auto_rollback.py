"""What happens when a new champion falls under its floor soon after its promotion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from perennial.spec.section import Days, Section


class AutoRollback(Section):
    """Goes back to the version before, or asks, where a new champion is under a floor of `monitoring.performance`."""

    days: Days = Field(gt=0)
    """Days after its promotion, by the clock, in which a champion may be taken back."""
    when: Literal["act", "ask"] = "ask"
    """`act`: the monitor rolls back. `ask`: an alert tells a person how."""
