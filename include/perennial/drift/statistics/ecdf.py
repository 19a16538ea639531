"""A reference column, prepared so that the Kolmogorov-Smirnov distance takes little longer than sorting a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from perennial.drift.statistics.floats import Floats

Counts = npt.NDArray[np.int64]

_EDGES = 5_000
# With fewer rows of a batch between two edges than this, looking up an edge takes more time than it saves.
_ROWS_PER_EDGE = 20
# Intervals that are this close to each other are searched together.
_BRIDGED_INTERVALS = 8


class Distance(NamedTuple):
    """The exact distance of two empirical distributions, and where it occurs."""

    numerator: int
    """Numerator of D, over `n_reference * n_current`: exact where a float would not be."""
    statistic: float
    location: float
    """A value at which (or just below which) the distributions differ by D."""
    higher: float
    higher_at: float
    """Largest excess of the batch's share above a value over the reference's, and where; only at the edges."""
    lower: float
    lower_at: float


@dataclass(frozen=True)
class Ecdf:
    """An empirical distribution: all values in order, and counts at some quantiles, the edges.

    Attributes
    ----------
    n : int
        Number of values, without missing ones.
    edges : numpy.ndarray of float64, shape (k,)
        Ascending, all different; the first is the smallest value and the last the largest.
    below, upto : numpy.ndarray of int64, shape (k,)
        Number of values less than each edge, and less or equal.
    values : numpy.ndarray of float32 or float64, shape (n,) or (0,)
        All values, ascending, as float32 if that is exact. Empty if every distinct value is an edge. May be on disk:
        only the parts that can contain the maximum are read.
    """

    n: int
    edges: Floats
    below: Counts
    upto: Counts
    values: npt.NDArray[Any]

    @classmethod
    def of(cls, ordered: Floats) -> Ecdf:
        """Prepare at least one value, in ascending order, without NaN."""
        n = ordered.size
        distinct = ordered[np.append(True, ordered[1:] != ordered[:-1])]
        edges = distinct if distinct.size <= _EDGES else _quantiles(ordered)
        with np.errstate(over="ignore"):  # A number too large for float32 becomes infinite, so float32 is not exact.
            narrow = ordered.astype(np.float32)
        lossless = bool((narrow == ordered).all())
        return cls(
            n=n,
            edges=edges,
            below=np.searchsorted(ordered, edges, side="left"),
            upto=np.searchsorted(ordered, edges, side="right"),
            values=np.empty(0) if edges.size == distinct.size else narrow if lossless else ordered,
        )

    def quantile(self, share: float) -> float:
        """Return the smallest edge with at least this share of the values at or below it."""
        return float(self.edges[min(int(np.searchsorted(self.upto, share * self.n)), self.edges.size - 1)])

    def share_upto(self, value: float) -> float:
        """Return the share of values at or below the largest edge that is not above `value`."""
        position = int(np.searchsorted(self.edges, value, side="right")) - 1
        return float(self.upto[position] / self.n) if position >= 0 else 0.0

    def distance(self, batch: Floats) -> Distance:
        """Return the exact distance to a batch: ascending, without NaN, at least one value.

        Counts at the edges give the difference there, and an upper bound between two edges, since neither distribution
        can rise by more than its rows between them. Rows are searched only where that bound exceeds the largest
        difference.
        """
        at = _AtEdges.of(self, batch)
        best, location = at.best()
        bounds = at.bounds()
        open_ = np.flatnonzero(bounds > best)
        if open_.size:
            top = int(open_[bounds[open_].argmax()])
            best, location = max((best, location), at.inside(top, top + 1), key=_size)
            open_ = open_[bounds[open_] > best]
        for first, last in _runs(open_):
            best, location = max((best, location), at.inside(first, last + 1), key=_size)
        whole = self.n * batch.size
        (higher, higher_at), (lower, lower_at) = at.highest(), at.lowest()
        return Distance(best, best / whole, location, higher / whole, higher_at, lower / whole, lower_at)


class _AtEdges:
    """Differences of the two distributions at the edges and bounds between them, as integers over n * m."""

    def __init__(self, reference: Ecdf, batch: Floats, edges: Floats, below: Counts, upto: Counts) -> None:
        n, m = reference.n, batch.size
        left = np.searchsorted(batch, edges, side="left")
        right = left.copy()
        equal = np.flatnonzero(batch[np.minimum(left, m - 1)] == edges)
        right[equal] = np.searchsorted(batch, edges[equal], side="right")
        self.reference, self.batch, self.edges = reference, batch, edges
        self.left, self.right, self.below, self.upto = left, right, below, upto
        self.reference_below, self.reference_upto = below * m, upto * m
        self.batch_below, self.batch_upto = left * n, right * n
        # Positive where the batch has larger values than the reference.
        self.rise_below = self.reference_below - self.batch_below
        self.rise_upto = self.reference_upto - self.batch_upto

    @classmethod
    def of(cls, reference: Ecdf, batch: Floats) -> _AtEdges:
        step = _ROWS_PER_EDGE * reference.edges.size // batch.size
        if step < 2 or reference.values.size == 0:
            return cls(reference, batch, reference.edges, reference.below, reference.upto)
        some = np.append(np.arange(0, reference.edges.size - 1, step), reference.edges.size - 1)
        return cls(reference, batch, reference.edges[some], reference.below[some], reference.upto[some])

    def highest(self) -> tuple[int, float]:
        below, upto = int(self.rise_below.argmax()), int(self.rise_upto.argmax())
        top = max((self.rise_below[below], below), (self.rise_upto[upto], upto), key=_size)
        return max(0, int(top[0])), float(self.edges[top[1]])

    def lowest(self) -> tuple[int, float]:
        below, upto = int(self.rise_below.argmin()), int(self.rise_upto.argmin())
        bottom = min((self.rise_below[below], below), (self.rise_upto[upto], upto), key=_size)
        return max(0, -int(bottom[0])), float(self.edges[bottom[1]])

    def best(self) -> tuple[int, float]:
        return max(self.highest(), self.lowest(), key=_size)

    def bounds(self) -> Counts:
        """Return the upper bounds of the difference between each edge and the next."""
        higher = self.reference_below[1:] - self.batch_upto[:-1]
        lower = self.batch_below[1:] - self.reference_upto[:-1]
        bounds: Counts = np.maximum(higher, lower)
        return bounds

    def inside(self, first: int, last: int) -> tuple[int, float]:
        """Return the largest difference strictly between two edges, and where."""
        start, stop = int(self.right[first]), int(self.left[last])
        if start == stop:
            return 0, 0.0
        x = self.batch[start:stop]
        offset = int(self.upto[first])
        # A copy, aligned and in the batch's type, so that the search does not copy more than this part.
        values = np.array(self.reference.values[offset : int(self.below[last])], dtype=np.float64)
        n, m = self.reference.n, self.batch.size
        rows = np.arange(start, stop)
        less = np.searchsorted(values, x, side="left")
        upto = less.copy()
        if values.size:
            equal = np.flatnonzero(values[np.minimum(less, values.size - 1)] == x)
            upto[equal] = np.searchsorted(values, x[equal], side="right")
        # Of equal batch values the first has the right count below it, the last the right count up to it; the others
        # give smaller differences.
        higher = (less + offset) * m - rows * n
        lower = (rows + 1) * n - (upto + offset) * m
        top, bottom = int(higher.argmax()), int(lower.argmax())
        return max((int(higher[top]), float(x[top])), (int(lower[bottom]), float(x[bottom])), key=_size)


def _size(difference: tuple[Any, Any]) -> Any:
    return difference[0]


def _quantiles(ordered: Floats) -> Floats:
    places = np.linspace(0, ordered.size - 1, _EDGES).astype(np.int64)
    return np.unique(ordered[places])


def _runs(intervals: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
    """Group ascending interval numbers into runs (first, last)."""
    if not intervals.size:
        return []
    cuts = np.flatnonzero(np.diff(intervals) > _BRIDGED_INTERVALS)
    firsts = intervals[np.append(0, cuts + 1)]
    lasts = intervals[np.append(cuts, intervals.size - 1)]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
