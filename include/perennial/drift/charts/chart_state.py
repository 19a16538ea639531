"""What a chart finds, and what it remembers from check to check."""

from __future__ import annotations

from perennial.drift.charts.profile import Profile
from perennial.record import Record


class Ordinary(Record):
    """How far a column of a batch lies from the stretch before, and how far is ordinary for it."""

    distance: float | None
    """D (or total variation) from the newest stretch that was ordinary, numbers beside what the other columns say of
    them; None: too few values."""
    limit: float
    missing_distance: float
    """Difference of the shares of missing values."""
    missing_limit: float
    learnt_from: int
    """Distances of earlier stretches that the limits come from."""

    @property
    def exceeded(self) -> bool:
        """Whether the values are out of the ordinary."""
        return self.distance is not None and self.distance > self.limit

    @property
    def missing_exceeded(self) -> bool:
        """Whether what is missing is out of the ordinary."""
        return self.missing_distance > self.missing_limit


class ColumnHistory(Record):
    """What a chart remembers of a column's batches."""

    last: Profile
    """The newest batch that was ordinary."""
    distances: tuple[float, ...] = ()
    """Of the batches that were ordinary, oldest first; at most 50."""
    missing_distances: tuple[float, ...] = ()


class ChartState(Record):
    """What a chart has learnt since its champion came: carried from check to check, and judged by no other chart."""

    reference: str
    """The reference that the chart belongs to."""
    columns: dict[str, ColumnHistory] = {}
