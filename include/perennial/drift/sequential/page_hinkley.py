"""Page-Hinkley over a stream of losses: whether their mean has changed since the last reset."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.signal import lfilter

from perennial.drift.sequential.calibration_result import Calibration
from perennial.record import Record

Floats = npt.NDArray[np.float64]
Mode = Literal["up", "down", "both"]

# A detection ends a block, and the next one starts at the row after it. Blocks start small (little work is lost where
# detections are frequent) and grow (few calls where they are rare). The sizes do not change any result.
_FIRST_BLOCK = 1_024
_LARGEST_BLOCK = 8_192
_CHUNK = 256
_NOT_COMPUTED: Floats = np.empty(0)

# One faded sum serves both directions: its negative serves for decreases.
_UP, _DOWN = 1.0, -1.0
_SIGNS: dict[Mode, tuple[float, ...]] = {"up": (_UP,), "down": (_DOWN,), "both": (_UP, _DOWN)}


class _Side(NamedTuple):
    """The sums of one block in one direction, and their minimum before it (infinite just after a reset)."""

    sums: Floats
    lowest: float

    def ceiling(self) -> float:
        """Return an upper bound of all heights, close to the maximum, in a tenth of the time of `heights`."""
        chunks = np.arange(0, self.sums.size, _CHUNK)
        lowest = np.minimum.accumulate(np.minimum.reduceat(self.sums, chunks))
        return float((np.maximum.reduceat(self.sums, chunks) - np.minimum(lowest, self.lowest)).max())

    def heights(self) -> Floats:
        """Return the difference of each sum from the minimum up to it."""
        lowest = np.minimum.accumulate(self.sums)
        return self.sums - np.minimum(lowest, self.lowest, out=lowest)

    def lowest_after(self) -> float:
        return min(self.lowest, float(self.sums.min()))


class _Block(NamedTuple):
    """Rows that were processed: where they end, the statistic at each row, whether the last row is a detection."""

    stop: int
    statistic: Floats
    detected: bool


class PageHinkleyState(Record):
    """The complete state of a detector: parameters, sums and counts. Small, frozen, JSON."""

    delta: float = Field(ge=0)
    threshold: float = Field(gt=0)
    alpha: float = Field(gt=0, le=1)
    min_instances: int = Field(ge=1)
    mode: Mode
    center: float
    scale: float = Field(gt=0)
    rows: int = 0
    """Rows since the last reset."""
    total: float = 0.0
    """Sum of the standardised values of those rows."""
    faded: float = 0.0
    """Sum of their deviations from the running mean, faded by alpha at each row."""
    lowest_up: float = 0.0
    lowest_down: float = 0.0
    """The minima of `faded` and of its negative, with delta subtracted at each row."""
    statistic: float = 0.0
    rows_seen: int = 0
    """Total number of rows, including ignored ones."""
    rows_ignored: int = 0
    """Number of rows that were NaN or infinite, and left out."""
    detections: int = 0
    calibration: Calibration | None = None


class PageHinkley:
    """Detector of a change in the mean of a stream.

    With x the standardised value, t the rows since the last reset and m the running mean of x since then,
    `U = alpha U + x - m - delta` raises an alarm when `U - min U > threshold`, and
    `W = alpha W + x - m + delta` when `max W - W > threshold`. An alarm resets the detector: the row after it
    is the first of a new stream. However a stream is divided into calls of `update`, the detections are the same, bit
    for bit.

    Parameters
    ----------
    delta : float
        Tolerated change of the mean, in units of `scale`. The best choice is half of the shift worth finding.
    threshold : float
        Alarm level (lambda), in units of `scale`. `calibrate` chooses it for a rate of false alarms.
    alpha : float
        Fading of the sums; 1 is Gama's test. Less than 1 fades the sums but not their extremes (as in river), which
        causes false alarms.
    min_instances : int
        Minimum number of rows after a reset before an alarm.
    mode : {"both", "up", "down"}
        Directions of change that raise an alarm.
    center, scale : float
        Values are standardised as `(value - center) / scale`: mean and deviation of the reference's losses.
    """

    def __init__(
        self,
        delta: float,
        threshold: float,
        *,
        alpha: float = 1.0,
        min_instances: int = 30,
        mode: Mode = "both",
        center: float = 0.0,
        scale: float = 1.0,
        calibration: Calibration | None = None,
    ) -> None:
        self._take(
            PageHinkleyState(
                delta=delta,
                threshold=threshold,
                alpha=alpha,
                min_instances=min_instances,
                mode=mode,
                center=center,
                scale=scale,
                calibration=calibration,
            )
        )

    def state(self) -> dict[str, Any]:
        """Return the detector's state as JSON; `from_state` continues from it."""
        now = {
            "rows": self._rows,
            "total": self._total,
            "faded": self._faded,
            "lowest_up": self._lowest[_UP],
            "lowest_down": self._lowest[_DOWN],
            "statistic": self.statistic,
            "rows_seen": self.rows_seen,
            "rows_ignored": self.rows_ignored,
            "detections": self.detections,
        }
        return self.parameters.model_copy(update=now).model_dump(mode="json")

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return a detector with this state. Raises pydantic's ValidationError if it is not a state."""
        detector = cls.__new__(cls)
        detector._take(PageHinkleyState.model_validate(state))
        return detector

    @property
    def calibration(self) -> Calibration | None:
        """The result of `calibrate`: the achieved rate of false alarms and the expected delay."""
        return self.parameters.calibration

    def update(self, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Feed rows in time order; return the positions in `values`, from 0, at which a change of the mean is detected.

        Parameters
        ----------
        values : array_like of shape (n,)
            One loss per row. Rows that are NaN or infinite are counted in `rows_ignored` and left out.

        Returns
        -------
        numpy.ndarray of int64
            Ascending; empty if there was no detection. `rows_seen` before the call turns them into positions in the
            stream.
        """
        kept, positions = self._clean(values)
        found = [block.stop - 1 for block in self._blocks(kept, every_row=False) if block.detected]
        indices = np.asarray(found, dtype=np.int64)
        return indices if positions is None else positions[indices]

    def trace(self, values: npt.ArrayLike) -> Floats:
        """Return what `follow` would return, without changing the detector."""
        return copy.copy(self).follow(values)

    def follow(self, values: npt.ArrayLike) -> Floats:
        """Feed rows as `update` does; return the statistic after each, NaN at ignored rows.

        Returns
        -------
        numpy.ndarray of float64, shape (n,)
            In units of `scale`, like `threshold`; at rows with an alarm, the value that raised it.
        """
        kept, positions = self._clean(values)
        parts = [block.statistic for block in self._blocks(kept, every_row=True)]
        joined = np.concatenate(parts) if parts else np.empty(0)
        if positions is None:
            return joined
        statistic = np.full(np.size(values), np.nan)
        statistic[positions] = joined
        return statistic

    def _take(self, state: PageHinkleyState) -> None:
        self.parameters = state
        self._signs = _SIGNS[state.mode]
        self._rows, self._total, self._faded = state.rows, state.total, state.faded
        self._lowest = {_UP: state.lowest_up, _DOWN: state.lowest_down}
        self.statistic = state.statistic
        self.rows_seen, self.rows_ignored, self.detections = state.rows_seen, state.rows_ignored, state.detections

    def _clean(self, values: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.int64] | None]:
        """Standardise values and leave out those that are not finite; the positions are None if all are kept."""
        raw = np.asarray(values, dtype=np.float64)
        if raw.ndim != 1:
            raise ValueError(f"losses are one row each, in one dimension; got an array of shape {raw.shape}")
        self.rows_seen += raw.size
        finite = np.isfinite(raw)
        positions = None
        if not finite.all():
            positions = np.flatnonzero(finite)
            self.rows_ignored += raw.size - positions.size
            raw = raw[positions]
        if self.parameters.center == 0 and self.parameters.scale == 1:
            return raw, positions
        return (raw - self.parameters.center) / self.parameters.scale, positions

    def _blocks(self, values: Floats, *, every_row: bool) -> Iterator[_Block]:
        start, size = 0, _FIRST_BLOCK
        while start < values.size:
            block = self._advance(values, start, size, every_row)
            start = block.stop
            size = _FIRST_BLOCK if block.detected else min(2 * size, _LARGEST_BLOCK)
            yield block

    def _advance(self, values: Floats, start: int, size: int, every_row: bool) -> _Block:
        """Process rows up to and including the first detection, or the whole block.

        Every sum is a running sum that starts from the carried value. These are the same additions in the same order as
        row by row, so the division into blocks cannot change a result.
        """
        x = values[start : start + size]
        rows = np.arange(self._rows + 1.0, self._rows + x.size + 1.0)
        totals = _running_sum(x, self._total, 1.0)
        faded = _running_sum(x - totals / rows, self._faded, self.parameters.alpha)
        taken_off = self.parameters.delta * _faded_count(rows, self.parameters.alpha)
        sides = [
            _Side(sign * faded - taken_off, self._lowest[sign] if self._rows else math.inf) for sign in self._signs
        ]
        statistic = _NOT_COMPUTED
        if every_row or max(side.ceiling() for side in sides) > self.parameters.threshold:
            statistic = functools.reduce(np.maximum, [side.heights() for side in sides])
            detection = self._first_detection(statistic)
            if detection is not None:
                self._reset()
                self.detections += 1
                return _Block(start + detection + 1, statistic[: detection + 1], True)
        self._rows += x.size
        self._total, self._faded = float(totals[-1]), float(faded[-1])
        self._lowest = self._lowest | {sign: side.lowest_after() for sign, side in zip(self._signs, sides, strict=True)}
        self.statistic = max(
            float(side.sums[-1]) - self._lowest[sign] for sign, side in zip(self._signs, sides, strict=True)
        )
        return _Block(start + x.size, statistic, False)

    def _first_detection(self, statistic: Floats) -> int | None:
        earliest = max(0, self.parameters.min_instances - 1 - self._rows)
        over = statistic[earliest:] > self.parameters.threshold
        first = int(over.argmax()) if over.size else 0
        return earliest + first if over.size and over[first] else None

    def _reset(self) -> None:
        self._rows = 0
        self._total = self._faded = self.statistic = 0.0
        self._lowest = {_UP: 0.0, _DOWN: 0.0}


def _running_sum(values: Floats, carried: float, alpha: float) -> Floats:
    """Return the sums s_i = alpha s_(i-1) + values_i with s_(-1) = carried."""
    if alpha == 1:
        sums = values.copy()
        sums[0] += carried
        return np.cumsum(sums, out=sums)
    faded, _ = lfilter([1.0], [1.0, -alpha], values, zi=[alpha * carried])
    return np.asarray(faded, dtype=np.float64)


def _faded_count(rows: Floats, alpha: float) -> Floats:
    """Return 1 + alpha + ... + alpha^(t-1): the multiple of delta that was subtracted after t rows."""
    if alpha == 1:
        return rows
    count: Floats = (1 - np.exp(rows * math.log(alpha))) / (1 - alpha)
    return count
