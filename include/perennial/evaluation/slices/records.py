"""How a champion does in slices of rows whose labels have matured."""

from __future__ import annotations

from perennial.evaluation.records import Interval
from perennial.record import Record


class WatchedSlice(Record):
    """How a champion does in a slice of rows whose labels have matured."""

    name: str
    rows: int
    now: Interval
    """The metric, with its 95% interval."""
    holdout: float | None
    """The metric on its holdout; None: it is not known there."""
    p_worse: float | None
    """Probability of so clear a drop in any slice, if there is none in all; None: not compared."""
    p_under_floor: float | None
    """The same of a value that misses the floor; None: the spec has none."""


class WatchedSlices(Record):
    """The slices of a check, those that are most surely worse first."""

    metric: str
    level: float
    floor: float | None
    judged: int
    """How many slices were looked at together: the probabilities are corrected for them."""
    found: tuple[WatchedSlice, ...]
    """At most 50, unless more are worse beyond chance."""

    @property
    def worse(self) -> tuple[WatchedSlice, ...]:
        """Those that are, beyond chance, worse than on the holdout by more than the spec allows."""
        return tuple(one for one in self.found if one.p_worse is not None and one.p_worse <= self.level)

    @property
    def under_floor(self) -> tuple[WatchedSlice, ...]:
        """Those that miss the floor beyond chance."""
        return tuple(one for one in self.found if one.p_under_floor is not None and one.p_under_floor <= self.level)

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        if not self.judged:
            return "no slice has enough rows to be judged"
        parts = [f"{len(self.worse)} of {self.judged} slices are worse than on the holdout beyond chance"]
        if self.worse:
            first = self.worse[0]
            parts.append(f"first {first.name} with {self.metric} {first.now.value:.4g}, there {first.holdout:.4g}")
        if self.under_floor:
            first = self.under_floor[0]
            parts.append(
                f"{len(self.under_floor)} miss the floor of {self.floor:g} beyond chance, first {first.name} with "
                f"{first.now.value:.4g}"
            )
        elif self.floor is not None:
            parts.append(f"none misses the floor of {self.floor:g} beyond chance")
        return ", ".join(parts)
