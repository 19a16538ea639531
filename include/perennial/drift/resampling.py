"""Streams without end that look like a reference: what a detector is tried on before it meets fresh rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from perennial.drift.autocorrelation import blocks_for

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST_DAYS = 5
"""With fewer, what the days have in common and how they differ cannot be told from chance."""
_DAY = np.timedelta64(1, "D")
# The day's cycle is taken off in hours, as it were, before autocorrelation is looked for.
_PARTS_OF_A_DAY = 24
_PIECE = 1 << 16
_TRIAL_DAYS = 2_000
_FEWEST_ROWS_A_DAY = 4


class Stream(ABC):
    """Rows that are drawn from a reference, each where the last one ended."""

    block: int
    """Rows that are drawn together."""

    @abstractmethod
    def draw(self, rows: int) -> Floats:
        """Return the next rows, shape (rows,)."""

    @abstractmethod
    def go_anywhere(self) -> None:
        """Go on from a random moment."""

    def pieces(self, rows: int) -> Iterator[Floats]:
        """Draw in pieces that stay in the processor's cache."""
        while rows > 0:
            piece = self.draw(min(rows, max(_PIECE, self.block)))
            rows -= piece.size
            yield piece


class StationaryStream(Stream):
    """Blocks of the reference from random places, around the end to the start (Politis and Romano, 1992)."""

    def __init__(self, values: Floats, rng: np.random.Generator) -> None:
        blocks = blocks_for(values)
        self.block = blocks.length
        self._size = values.size
        self._circle = np.concatenate([values, values[: self.block - 1]]) * blocks.stretch
        self._rng = rng

    def draw(self, rows: int) -> Floats:
        starts = self._rng.integers(0, self._size, size=-(-rows // self.block))
        if self.block == 1:
            return self._circle[starts]
        windows = np.lib.stride_tricks.sliding_window_view(self._circle, self.block)
        return windows[starts].reshape(-1)[:rows]

    def go_anywhere(self) -> None:
        """Every moment is like any other."""


class DailyStream(Stream):
    """Days put together from blocks of the reference's days, each from the same part of another day, and set off.

    What is the same every day, the cycle and a spread that follows the clock, stays in its place however short the
    blocks are (generalized seasonal block bootstrap: Dudek, Leskow, Paparoditis and Politis, 2014). What makes whole days
    differ, a storm, is longer than a block: the days' means are taken off, and each drawn day is set off by one of them,
    scaled. How much days differ is known from few of them: for every so many drawn days, its variance is drawn from what
    the reference says of it, the scaled inverse chi-square of a variance (Gelman et al., *Bayesian data analysis*, 3.2),
    less what the rows alone make of it. So the alarms of unlucky references are counted, in their measure.

    Parameters
    ----------
    values : numpy.ndarray of float64, shape (n,)
        In time order, around 0.
    days : numpy.ndarray of int64, shape (n,)
        Each row's day, as `whole_days` counts them.
    rng : numpy.random.Generator
    """

    def __init__(self, values: Floats, days: Ints, rng: np.random.Generator) -> None:
        first, rows_of_day = _runs(days)
        means = np.add.reduceat(values, first) / rows_of_day
        within = values - np.repeat(means - means.mean(), rows_of_day)
        fraction = (np.arange(values.size) - np.repeat(first, rows_of_day)) / np.repeat(rows_of_day, rows_of_day)
        cycle = _means_of((fraction * _PARTS_OF_A_DAY).astype(np.int64), within)
        blocks = blocks_for(within - cycle)
        self._blocks_a_day = max(1, round(rows_of_day.mean() / blocks.length))
        self.block = max(1, round(rows_of_day.mean() / self._blocks_a_day))
        around = cycle + blocks.stretch * (within - cycle)
        self._circle = np.concatenate([around, around[: self.block - 1]])
        parts = np.arange(self._blocks_a_day)[:, None] / self._blocks_a_day
        self._starts = first + (parts * rows_of_day).astype(np.int64)
        self._rng = rng
        self._at, self._day, self._offset = 0, -1, 0.0
        self._offsets: _Offsets | None = None
        alike = self.draw(_TRIAL_DAYS * self._blocks_a_day * self.block).reshape(_TRIAL_DAYS, -1)
        self._offsets = _Offsets(means, float(alike.mean(axis=1).var()), rng)

    def draw(self, rows: int) -> Floats:
        day, part = np.divmod(self._at + np.arange(-(-rows // self.block)), self._blocks_a_day)
        self._at += day.size
        windows = np.lib.stride_tricks.sliding_window_view(self._circle, self.block)
        drawn = windows[self._starts[part, self._rng.integers(self._starts.shape[1], size=day.size)]]
        if self._offsets:
            drawn = drawn + self._offsets_of(day, self._offsets)[:, None]
        return drawn.reshape(-1)[:rows]

    def go_anywhere(self) -> None:
        self._at = (self._day + 1) * self._blocks_a_day + int(self._rng.integers(self._blocks_a_day))

    def _offsets_of(self, day: Ints, offsets: _Offsets) -> Floats:
        drawn = offsets.draw(int(day[-1] - day[0]) + 1)
        if day[0] == self._day:
            drawn[0] = self._offset
        self._day, self._offset = int(day[-1]), float(drawn[-1])
        return drawn[day - day[0]]


class _Offsets:
    """How far drawn days lie from the mean day."""

    def __init__(self, means: Floats, noise: float, rng: np.random.Generator) -> None:
        """Take the days' means, and the variance that these would have if days differed by their rows' chance alone."""
        self._deviations = StationaryStream(means - means.mean(), rng)
        self._days = means.size
        self._noise_share = noise / max(float(means.var(ddof=1)), np.finfo(float).tiny)
        self._rng = rng

    def draw(self, days: int) -> Floats:
        freedom = self._days - 1
        variance = freedom / self._rng.chisquare(freedom, size=-(-days // self._days))
        spread = np.sqrt(np.clip(variance - self._noise_share, 0, None))
        return self._deviations.draw(days) * np.repeat(spread, self._days)[:days]


def whole_days(times: npt.NDArray[np.datetime64]) -> Ints:
    """Return the day of each row, counted from the first row's moment: -1 for rows of a day that is not a whole one.

    A day with less than half the rows of the median one is part of a day, or unlike the others. Of days with a row or two
    nothing is told apart: none is a whole one then.

    Parameters
    ----------
    times : numpy.ndarray of datetime64, shape (n,)
        Ascending.
    """
    days = ((times - times[0]) // _DAY).astype(np.int64)
    names, day, rows = np.unique(days, return_inverse=True, return_counts=True)
    usual = float(np.median(rows))
    if usual < _FEWEST_ROWS_A_DAY:
        return np.full(times.size, -1)
    return np.where(rows[day] < usual / 2, -1, day)


def _runs(days: Ints) -> tuple[Ints, Ints]:
    """First row and number of rows of each day."""
    first = np.flatnonzero(np.diff(days, prepend=-1))
    return first, np.diff(first, append=days.size)


def _means_of(part: Ints, values: Floats) -> Floats:
    """Each row's value replaced by the mean of its part of the day."""
    means: Floats = np.bincount(part, values) / np.maximum(np.bincount(part), 1)
    return means[part]
