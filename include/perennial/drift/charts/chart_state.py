"""The results of a chart, and its state from check to check."""

from __future__ import annotations

from perennial.drift.charts.profile import Profile
from perennial.record import Record


class Ordinary(Record):
    """The distance of a batch's column from the stretch before, and the distance that is usual for it."""

    distance: float | None
    """D (for labels, total variation) from the newest usual stretch; None: too few values.

    For numbers, of the part that the other columns do not predict.
    """
    limit: float
    missing_distance: float
    """Difference of the shares of missing values from that stretch."""
    missing_limit: float
    learnt_from: int
    """Number of distances of earlier stretches from which the limits are computed."""

    @property
    def exceeded(self) -> bool:
        """Whether the values are unusual: beyond their limit."""
        return self.distance is not None and self.distance > self.limit

    @property
    def missing_exceeded(self) -> bool:
        """Whether the share of missing values is unusual: beyond its limit."""
        return self.missing_distance > self.missing_limit


class ColumnHistory(Record):
    """What a chart remembers of a column's batches."""

    last: Profile
    """The newest batch that was usual."""
    distances: tuple[float, ...] = ()
    """Distances of the batches that were usual, oldest first; at most 50."""
    missing_distances: tuple[float, ...] = ()


class ChartState(Record):
    """What a chart has learnt since its champion was promoted.

    Kept from check to check, and valid for this chart only.
    """

    reference: str
    """The reference that the chart belongs to."""
    columns: dict[str, ColumnHistory] = {}
