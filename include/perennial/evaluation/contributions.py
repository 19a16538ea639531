"""What each block of rows contributes to a figure, to first order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from perennial.evaluation.blocks import Ints
from perennial.evaluation.records import Interval
from perennial.evaluation.reweighted import Floats, Reweighted

CONFIDENCE = 0.95
# Small enough that the derivative is exact to about six digits, and large enough not to be rounded away.
_STEP = 1e-4


@dataclass(frozen=True)
class Contributions:
    """A figure, and how far each block moves it.

    Attributes
    ----------
    value : float
        The figure on all rows.
    influence : numpy.ndarray of float64, shape (b,)
        The figure's derivative by the weight of each block; its sum is 0.
    share : numpy.ndarray of float64, shape (b,)
        Each block's share of the rows.
    """

    value: float
    influence: Floats
    share: Floats

    @property
    def known(self) -> bool:
        """Whether figure and influence are defined."""
        return math.isfinite(self.value) and bool(np.isfinite(self.influence).all())

    def minus(self, other: Contributions, sign: float) -> Contributions:
        """Return the contributions to the difference of two figures of the same rows, times a sign."""
        return Contributions(sign * (self.value - other.value), sign * (self.influence - other.influence), self.share)

    def times(self, sign: float) -> Contributions:
        """Return the contributions to the figure times a sign."""
        return Contributions(sign * self.value, sign * self.influence, self.share)

    def beyond(self, limit: float) -> Floats:
        """Return what each block contributes to the distance of the figure from a limit, shape (b,)."""
        return self.influence + (self.value - limit) * self.share

    def interval(self) -> Interval:
        """Return the figure's 95% interval, by Student's t with one degree of freedom less than blocks with rows."""
        blocks = int((self.share > 0).sum())
        if not self.known or blocks < 2:
            return Interval(value=self.value, low=math.nan, high=math.nan)
        error = math.sqrt(float((self.influence**2).sum()) * blocks / (blocks - 1))
        reach = error * float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, blocks - 1))
        return Interval(value=self.value, low=self.value - reach, high=self.value + reach)


def contributions(figure: Reweighted, block: Ints, blocks: int) -> Contributions:
    """Measure how far each block moves a figure: the infinitesimal jackknife (Jaeckel, 1972; Efron, 1982).

    Parameters
    ----------
    figure : Reweighted
        A figure as a function of the blocks' weights, of which only their ratios matter.
    block : numpy.ndarray of intp, shape (n,)
        Each row's block, from 0.
    blocks : int
        Number of blocks; some may have no rows.
    """
    rows = np.bincount(block, minlength=blocks)
    there = int(block.max()) + 1
    weights = np.vstack([np.ones(there), np.ones((there, there)) + _STEP * np.eye(there)])
    value, *moved = figure(weights)
    influence = np.zeros(blocks)
    influence[:there] = (np.asarray(moved) - value) / _STEP
    return Contributions(float(value), influence, rows / rows.sum())


def widest(measured: Sequence[Contributions]) -> Interval:
    """Return the widest interval of a figure that was measured by several cuts into blocks."""
    intervals = [one.interval() for one in measured]
    return max(intervals, key=lambda one: one.high - one.low if math.isfinite(one.high) else math.inf)
