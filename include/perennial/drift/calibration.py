"""Choosing Page-Hinkley's threshold from a budget of false alarms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from perennial.drift.autocorrelation import blocks_for
from perennial.drift.calibration_result import Calibration
from perennial.drift.page_hinkley import Mode, PageHinkley
from perennial.errors import DataError

Floats = npt.NDArray[np.float64]

_FEWEST_LOSSES = 200
_LEAST_BUDGET = 1_000
# 20 million resampled rows cost about a second and hold 200 alarms of a budget of one in 100,000: a rate within 15%.
_SIMULATED_ROWS = 20_000_000
_FEWEST_RUNS, _MOST_RUNS = 64, 500
_SHIFTS = 200
_NEVER = 1e300


def calibrate(
    losses: npt.ArrayLike,
    *,
    one_false_alarm_in: float,
    shift: float = 0.25,
    min_instances: int = 30,
    mode: Mode = "both",
    seed: int = 0,
) -> PageHinkley:
    """Return the Page-Hinkley detector that raises one false alarm in so many rows like the reference's.

    The losses are standardised by their mean and deviation (which the detector keeps), and resampled in blocks long
    enough to keep their autocorrelation. The threshold is the one at which the detector's rate of alarms on such rows
    is the budget. The rate that the detector then reaches, and the delay after a shift, are measured on further rows.

    Parameters
    ----------
    losses : array_like of shape (n,)
        One loss a row, in time order, of rows that the model did *not* learn from. NaN and infinite ones are left out.
    one_false_alarm_in : float
        Rows per false alarm, at least 1,000. Time and not memory grow with it beyond 150,000.
    shift : float
        The shift of the mean worth finding, in standard deviations of the loss; half of it is the detector's delta.
    min_instances : int
        Rows after a reset before any alarm.
    mode : {"both", "up", "down"}
        Which changes count.
    seed : int
        Of the resampling; the same losses and seed give the same detector.

    Returns
    -------
    PageHinkley
        Afresh, with what was found in `.calibration`.

    Raises
    ------
    DataError
        Fewer than 200 finite losses, or all of them equal.
    ValueError
        A budget under 1,000 rows, or a shift that is not positive.
    """
    if one_false_alarm_in < _LEAST_BUDGET:
        raise ValueError(f"one_false_alarm_in is a number of rows, at least {_LEAST_BUDGET}; got {one_false_alarm_in}")
    if shift <= 0:
        raise ValueError(f"shift is a size in standard deviations, more than 0; got {shift}")
    given = np.asarray(losses, dtype=np.float64)
    reference = _Reference.of(given)
    rows = _Resampler(reference.standardised, np.random.default_rng(seed))
    watching = PageHinkley(shift / 2, _NEVER, min_instances=min_instances, mode=mode)
    threshold = _threshold(rows, watching, one_false_alarm_in)
    trial = PageHinkley(shift / 2, threshold, min_instances=min_instances, mode=mode)
    alarms, simulated = _count_alarms(rows, trial, one_false_alarm_in)
    low, high = _rate_interval(alarms, simulated)
    delays = _delays(rows, trial, shift, one_false_alarm_in)
    found = np.isfinite(delays)
    return PageHinkley(
        shift / 2,
        threshold,
        min_instances=min_instances,
        mode=mode,
        center=reference.mean,
        scale=reference.deviation,
        calibration=Calibration(
            one_false_alarm_in=one_false_alarm_in,
            achieved_one_in=simulated / alarms,
            achieved_low=low,
            achieved_high=high,
            simulated_rows=simulated,
            reference_rows=reference.standardised.size,
            ignored_rows=given.size - reference.standardised.size,
            block_rows=rows.block,
            shift=shift,
            expected_delay_rows=float(delays[found].mean()) if found.any() else None,
            delay_rows_90=float(np.quantile(delays, 0.9, method="inverted_cdf")) if found.mean() >= 0.9 else None,
            found_share=float(found.mean()),
        ),
    )


@dataclass(frozen=True)
class _Reference:
    standardised: Floats
    mean: float
    deviation: float

    @classmethod
    def of(cls, losses: Floats) -> _Reference:
        finite = losses[np.isfinite(losses)]
        if finite.size < _FEWEST_LOSSES:
            raise DataError(
                f"Page-Hinkley is calibrated on at least {_FEWEST_LOSSES} finite losses of the reference; "
                f"it has {finite.size} of {losses.size}. Hold out more rows, or switch page_hinkley off"
            )
        mean, deviation = float(finite.mean()), float(finite.std())
        if np.ptp(finite) == 0:
            raise DataError(
                f"all {finite.size} losses of the reference are {finite[0]:g}: there is no deviation to measure a shift by"
            )
        return cls((finite - mean) / deviation, mean, deviation)


class _Resampler:
    """Rows without end that look like the reference: blocks of it, from random places, around the end to the start."""

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

    def pieces(self, rows: int) -> Iterator[Floats]:
        """Draw in pieces that stay in the processor's cache."""
        while rows > 0:
            piece = self.draw(min(rows, max(1 << 16, self.block)))
            rows -= piece.size
            yield piece


def _paths(one_false_alarm_in: float) -> tuple[int, int]:
    """Number and length of the runs to simulate: two budgets long, so that most of them end in an alarm."""
    length = math.ceil(2 * one_false_alarm_in)
    return min(_MOST_RUNS, max(_FEWEST_RUNS, math.ceil(_SIMULATED_ROWS / length))), length


def _threshold(rows: _Resampler, watching: PageHinkley, one_false_alarm_in: float) -> float:
    """Solve alarms(threshold) / rows(threshold) = 1 / budget over runs that end at their first alarm.

    A run is watched once without any threshold: the places at which its statistic reaches a new height say when it would
    have ended at every threshold.
    """
    count, length = _paths(one_false_alarm_in)
    runs = [_records(rows, PageHinkley.from_state(watching.state()), length) for _ in range(count)]
    low, high = 0.0, max(float(heights[-1]) for heights, _ in runs)
    for _ in range(50):
        middle = (low + high) / 2
        alarms, taken = _first_alarms(runs, middle, length)
        low, high = (middle, high) if alarms * one_false_alarm_in > taken else (low, middle)
    return high


def _records(rows: _Resampler, watching: PageHinkley, length: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Heights and rows of the records of the statistic in one run, from the first row at which an alarm may be raised."""
    heights, places = [np.zeros(1)], [np.zeros(1, dtype=np.int64)]
    highest, offset = 0.0, 0
    for piece in rows.pieces(length):
        statistic = watching.trace(piece)
        watching.update(piece)
        if offset < watching.parameters.min_instances:
            statistic[: watching.parameters.min_instances - 1 - offset] = 0
        offset += piece.size
        if statistic.max() > highest:
            peaks = np.maximum.accumulate(statistic)
            new = np.flatnonzero(np.diff(peaks, prepend=highest) > 0)
            new = new[peaks[new] > highest]
            heights.append(peaks[new])
            places.append(new + offset - piece.size + 1)
            highest = float(peaks[-1])
    return np.concatenate(heights), np.concatenate(places)


def _first_alarms(runs: list[tuple[Floats, npt.NDArray[np.int64]]], threshold: float, length: int) -> tuple[int, int]:
    """Runs that end in an alarm at this threshold, and the rows that all of them take until they end."""
    alarms = taken = 0
    for heights, places in runs:
        record = int(np.searchsorted(heights, threshold, side="right"))
        if record < heights.size:
            alarms += 1
            taken += int(places[record])
        else:
            taken += length
    return alarms, taken


def _count_alarms(rows: _Resampler, trial: PageHinkley, one_false_alarm_in: float) -> tuple[int, int]:
    count, length = _paths(one_false_alarm_in)
    detector = PageHinkley.from_state(trial.state())
    for piece in rows.pieces(count * length):
        detector.update(piece)
    # At least one, so that a rate can be given; some hundred are expected.
    return max(1, detector.detections), count * length


def _rate_interval(alarms: int, rows: int) -> tuple[float, float]:
    """Exact 95% interval of the rows per alarm, alarms being rare and apart (Poisson)."""
    return rows / float(gammaincinv(alarms + 1, 0.975)), rows / float(gammaincinv(alarms, 0.025))


def _delays(rows: _Resampler, trial: PageHinkley, shift: float, one_false_alarm_in: float) -> Floats:
    """Rows from a shift to its alarm, infinite where it is missed.

    Clean rows without an alarm come first, a tenth of the budget and at least 500. A shift is missed after as many rows
    again: by then the running mean has followed it half way, and the statistic falls.
    """
    before = max(500, math.ceil(one_false_alarm_in / 10))
    delays = np.full(_SHIFTS, np.inf)
    signs = {"up": (1.0,), "down": (-1.0,), "both": (1.0, -1.0)}[trial.parameters.mode]
    for i in range(_SHIFTS):
        detector = _warmed_up(rows, trial, before)
        found = detector.update(rows.draw(before) + signs[i % len(signs)] * shift)
        if found.size:
            delays[i] = int(found[0]) + 1
    return delays


def _warmed_up(rows: _Resampler, trial: PageHinkley, before: int) -> PageHinkley:
    while True:
        detector = PageHinkley.from_state(trial.state())
        if not detector.update(rows.draw(before)).size:
            return detector
