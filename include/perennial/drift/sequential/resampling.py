"""Endless streams of rows like a reference, on which a detector is calibrated."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from perennial.drift.sequential.autocorrelation import Blocks, blocks_for, cautious_blocks_for

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_DAY = np.timedelta64(1, "D")
# Parts of a day, whose means are subtracted before the autocorrelation is estimated.
_PARTS_OF_A_DAY = 24
_PIECE = 1 << 16
_FEWEST_TRIAL_DAYS, _TRIAL_ROWS = 50, 1_000_000
# Blocks longer than needed for autocorrelation do no harm if days have many rows, and are drawn faster.
_MOST_BLOCKS_A_DAY = 500
_FEWEST_ROWS_A_DAY = 4


class Stream(ABC):
    """Rows that are drawn from a reference; each draw continues after the last one."""

    block: int
    """Number of rows that are drawn together."""

    @abstractmethod
    def draw(self, rows: int) -> Floats:
        """Return the next rows, shape (rows,)."""

    @abstractmethod
    def go_anywhere(self) -> None:
        """Continue from a random position."""

    def pieces(self, rows: int) -> Iterator[Floats]:
        """Draw in pieces that stay in the processor's cache."""
        while rows > 0:
            piece = self.draw(min(rows, max(_PIECE, self.block)))
            rows -= piece.size
            yield piece


class StationaryStream(Stream):
    """Blocks of the reference from random positions, circular (Politis and Romano, 1992)."""

    def __init__(self, values: Floats, blocks: Blocks, rng: np.random.Generator) -> None:
        self.block = blocks.length
        self._blocks = _around(values * blocks.stretch, self.block)
        self._rng = rng

    def draw(self, rows: int) -> Floats:  # noqa: D102 - as Stream says
        starts = self._rng.integers(0, len(self._blocks), size=-(-rows // self.block))
        return _at(self._blocks, starts).reshape(-1)[:rows]

    def go_anywhere(self) -> None:
        """Do nothing: all positions are equivalent."""


class DailyStream(Stream):
    """Days composed of blocks of the reference's days, each from the same part of another day, plus an offset per day.

    The daily cycle, and noise that depends on the time of day, stay in place however short the blocks are (generalized
    seasonal block bootstrap: Dudek, Leskow, Paparoditis and Politis, 2014). If losses are correlated over hours beyond
    that, a block is a whole day. Causes that make whole days differ, such as a storm, last longer than a block:
    therefore the means of days are subtracted, and each drawn day gets a new offset.

    Parameters
    ----------
    values : numpy.ndarray of float64, shape (n,)
        In time order, with mean 0.
    days : numpy.ndarray of int64, shape (n,)
        Each row's day, as returned by `whole_days`.
    rng : numpy.random.Generator
    """

    def __init__(self, values: Floats, days: Ints, rng: np.random.Generator) -> None:
        first, rows_of_day = _runs(days)
        means = np.add.reduceat(values, first) / rows_of_day
        within = values - np.repeat(means - means.mean(), rows_of_day)
        place = np.arange(values.size) - np.repeat(first, rows_of_day)
        part = place * _PARTS_OF_A_DAY // np.repeat(rows_of_day, rows_of_day)
        cycle = (np.bincount(part, within) / np.maximum(np.bincount(part), 1))[part]
        rest = within - cycle
        blocks = _blocks_within_days(rest, days * _PARTS_OF_A_DAY + part, rows_of_day.mean())
        self._blocks_a_day = min(_MOST_BLOCKS_A_DAY, max(1, round(rows_of_day.mean() / blocks.length)))
        self.block = max(1, round(rows_of_day.mean() / self._blocks_a_day))
        rest = rest * blocks.stretch
        whole = self._blocks_a_day == 1
        self._same = _around(cycle if whole else cycle + rest, self.block)
        self._scaled = _around(rest, self.block) if whole else None
        parts = np.arange(self._blocks_a_day)[:, None] / self._blocks_a_day
        self._starts = first + (parts * rows_of_day).astype(np.int64)
        self._rng = rng
        self._at, self._day, self._today = 0, -1, (1.0, 0.0)
        self._differences: _Differences | None = None
        day_rows = self._blocks_a_day * self.block
        trial_days = max(_FEWEST_TRIAL_DAYS, _TRIAL_ROWS // day_rows)
        alike = self.draw(trial_days * day_rows).reshape(trial_days, -1)
        self._differences = _Differences(means, float(alike.mean(axis=1).var()), rng)

    def draw(self, rows: int) -> Floats:  # noqa: D102 - as Stream says
        day, part = np.divmod(self._at + np.arange(-(-rows // self.block)), self._blocks_a_day)
        self._at += day.size
        starts = self._starts[part, self._rng.integers(self._starts.shape[1], size=day.size)]
        drawn = _at(self._same, starts)
        scale, offset = self._of_days(day)
        if self._scaled is not None:
            drawn = drawn + _at(self._scaled, starts) * scale[:, None]
        return (drawn + offset[:, None]).reshape(-1)[:rows]

    def go_anywhere(self) -> None:  # noqa: D102 - as Stream says
        self._at = (self._day + 1) * self._blocks_a_day + int(self._rng.integers(self._blocks_a_day))

    def _of_days(self, day: Ints) -> tuple[Floats, Floats]:
        """Return scale and offset of each block's day."""
        if self._differences is None:
            return np.ones(day.size), np.zeros(day.size)
        scale, offset = self._differences.draw(int(day[-1] - day[0]) + 1)
        if day[0] == self._day:
            scale[0], offset[0] = self._today
        self._day, self._today = int(day[-1]), (float(scale[-1]), float(offset[-1]))
        return scale[day - day[0]], offset[day - day[0]]


class _Differences:
    """The differences between drawn days.

    The variance between days is estimated from few days. Therefore, for every group of drawn days (as many as the
    reference has), the variance is drawn from its posterior, the scaled inverse chi-square of a normal variance (Gelman
    et al., *Bayesian data analysis*, 3.2), minus the part that is due to chance. So alarms after a calm reference are
    counted, too.
    """

    def __init__(self, means: Floats, chance: float, rng: np.random.Generator) -> None:
        """Take the means of days, and the variance that they would have if days differed only by chance."""
        self._deviations = means - means.mean()
        self._blocks = cautious_blocks_for(self._deviations)
        self._variance = float(means.var(ddof=1))
        self._chance = chance / max(self._variance, np.finfo(float).tiny)
        # Bad days are rarer and worse than in a normal distribution. With kurtosis 5, the variance is known only as
        # precisely as from half the days of a normal one.
        self._freedom = (means.size - 1) / 2
        self._rng = rng

    def draw(self, days: int) -> tuple[Floats, Floats]:
        """Return the scale and the offset of further days."""
        lot = self._deviations.size
        scale = self._freedom / self._rng.chisquare(self._freedom, size=-(-days // lot))
        offset = self._unscaled(days) * np.repeat(np.sqrt(np.clip(scale - self._chance, 0, None)), lot)[:days]
        return np.repeat(np.sqrt(scale), lot)[:days], offset

    def _unscaled(self, days: int) -> Floats:
        """Return runs of the reference's days if these are correlated, else normal deviates: few days lack bad ones."""
        if self._blocks.length > 1:
            return StationaryStream(self._deviations, self._blocks, self._rng).draw(days)
        return self._rng.normal(scale=math.sqrt(self._variance), size=days)


def whole_days(times: npt.NDArray[np.datetime64]) -> Ints:
    """Return the day of each row, counted from the first row's time; -1 for rows of incomplete days.

    A day with less than half the rows of the median day counts as incomplete. If days have only one or two rows, all
    count as incomplete.

    Parameters
    ----------
    times : numpy.ndarray of datetime64, shape (n,)
        Ascending.
    """
    days = ((times - times[0]) // _DAY).astype(np.int64)
    _, day, rows = np.unique(days, return_inverse=True, return_counts=True)
    usual = float(np.median(rows))
    if usual < _FEWEST_ROWS_A_DAY:
        return np.full(times.size, -1)
    return np.where(rows[day] < usual / 2, -1, day)


def _runs(days: Ints) -> tuple[Ints, Ints]:
    """Return first row and number of rows of each run of equal numbers."""
    first = np.flatnonzero(np.diff(days, prepend=-1))
    return first, np.diff(first, append=days.size)


def _around(values: Floats, block: int) -> Floats:
    """Return the circular blocks that begin at each row, shape (n, block), as a view."""
    return np.lib.stride_tricks.sliding_window_view(np.concatenate([values, values[: block - 1]]), block)


def _at(blocks: Floats, starts: Ints) -> Floats:
    """Return the blocks that begin at these rows; numpy indexes single rows faster than blocks of one row."""
    taken: Floats = blocks[:, 0][starts][:, None] if blocks.shape[1] == 1 else blocks[starts]
    return taken


def _blocks_within_days(values: Floats, parts: Ints, rows_a_day: float) -> Blocks:
    """Return the blocks of rows, or of whole days.

    A correlation over hours may be far below the noise between consecutive rows, where Politis and White look for it,
    but visible in the means of the parts of days.
    """
    first, rows = _runs(parts)
    of_parts = cautious_blocks_for(np.add.reduceat(values, first) / rows)
    return blocks_for(values) if of_parts.length == 1 else Blocks(round(rows_a_day), 1.0)
