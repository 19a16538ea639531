"""The distribution of a stretch of rows, as a few numbers that can be added, stored and compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from perennial.drift.statistics.floats import Floats
from perennial.record import Record

Counts = npt.NDArray[np.int64]


class Profile(Record):
    """One column of some rows, counted on a grid."""

    rows: int
    """Number of rows, including those without a value."""
    missing: int
    counts: tuple[int, ...]
    """Counts of the grid; see `Grid`."""

    @property
    def present(self) -> int:
        """Number of rows with a value."""
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        """Share of rows without a value."""
        return self.missing / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Grid:
    """The points or labels at which a column's values are counted.

    Attributes
    ----------
    places : numpy.ndarray of float64 or str, shape (k,)
        For numbers, ascending points: the values below each and the values up to each are counted, 2 k counts.
        For labels, the labels that are counted; all others share one more cell, k + 1 counts.
    """

    places: npt.NDArray[np.float64] | npt.NDArray[np.str_]

    @property
    def of_labels(self) -> bool:
        """Whether values are labels."""
        return self.places.dtype.kind == "U"

    @cached_property
    def cells(self) -> int:
        """Number of counts of a profile."""
        return self.places.size + 1 if self.of_labels else 2 * self.places.size

    def count(self, values: Floats) -> Counts:
        """Count numbers, without NaN; shape (cells,)."""
        ordered = np.sort(values[~np.isnan(values)])
        below = np.searchsorted(ordered, self.places, side="left")
        return np.concatenate([below, np.searchsorted(ordered, self.places, side="right")]).astype(np.int64)

    def distances(self, one: Floats, other: Floats) -> Floats:
        """Return the distance of shares along the last axis, from 0 to 1.

        For numbers D of Kolmogorov-Smirnov at the grid's points, for labels the total variation over the cells.
        """
        apart = np.abs(one - other)
        found: Floats = apart.sum(axis=-1) / 2 if self.of_labels else apart.max(axis=-1, initial=0.0)
        return found

    def chance(self, shares: Floats, rows: tuple[float, float], level: float) -> float:
        """Return the distance that two samples of one distribution exceed with at most this probability, approximately.

        For numbers by Smirnov's law (1939); for labels the expected total variation plus McDiarmid's bound (1989).
        """
        if not self.of_labels:
            return smirnov(rows, level)
        expected = float(np.sqrt(shares * (1 - shares)).sum()) / math.sqrt(2 * math.pi)
        return (expected + math.sqrt(math.log(1 / level) / 2)) * math.sqrt(1 / rows[0] + 1 / rows[1])


def shares_of(profile: Profile) -> Floats:
    """Return a profile's counts as shares of the rows with a value."""
    return np.asarray(profile.counts, dtype=np.float64) / max(1, profile.present)


def smirnov(rows: tuple[float, float], level: float) -> float:
    """Return the D that two samples of one distribution exceed with this probability, in the limit of many rows."""
    return math.sqrt(math.log(2 / level) / 2 * (1 / rows[0] + 1 / rows[1]))
