"""Choose Page-Hinkley's threshold for a given rate of false alarms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from perennial.drift.sequential.autocorrelation import blocks_for
from perennial.drift.sequential.calibration_result import FEWEST_DAYS, Calibration
from perennial.drift.sequential.page_hinkley import PageHinkley
from perennial.drift.sequential.resampling import DailyStream, StationaryStream, Stream, whole_days
from perennial.errors import DataError

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_FEWEST_LOSSES = 200
_LEAST_BUDGET = 1_000
# 20 million resampled rows take about a second, and have 200 alarms at one in 100,000: the rate is known to 15%.
_SIMULATED_ROWS = 20_000_000
_FEWEST_RUNS, _MOST_RUNS = 64, 500
_SHIFTS = 200
_NEVER = 1e300
# Fixed, so that the same losses give the same detector.
_SEED = 0


def calibrate(
    losses: npt.ArrayLike,
    *,
    one_false_alarm_in: float,
    times: npt.ArrayLike | None = None,
    shift: float = 0.25,
) -> PageHinkley:
    """Return the Page-Hinkley detector with a given rate of false alarms on rows like the reference's.

    The losses are standardised by their mean and deviation (which the detector keeps), and resampled in blocks long
    enough to keep their autocorrelation. With the rows' times, the daily cycle and the differences between days are
    kept too. The threshold is the one at which the detector's rate of alarms on such rows is the requested one. The
    rate that the detector achieves, and the delay after a shift, are then measured on further rows.

    Parameters
    ----------
    losses : array_like of shape (n,)
        One loss per row, in time order, of rows that the model was *not* trained on. NaN and infinite ones are left
        out.
    one_false_alarm_in : float
        Rows per false alarm, at least 1,000. Beyond 150,000 the computing time grows with it, but not the memory.
    times : array_like of datetime64, shape (n,), optional
        Time of each row, ascending; with a time zone or in UTC. Used if they span at least five days.
    shift : float
        The shift of the mean worth finding, in standard deviations of the loss; half of it is the detector's delta.

    Returns
    -------
    PageHinkley
        A new detector, with the results of the calibration in `.calibration`.

    Raises
    ------
    DataError
        Fewer than 200 finite losses, or all of them equal.
    ValueError
        `one_false_alarm_in` is under 1,000, `shift` is not positive, or `times` do not fit the losses.
    """
    if one_false_alarm_in < _LEAST_BUDGET:
        raise ValueError(f"one_false_alarm_in is a number of rows, at least {_LEAST_BUDGET}; got {one_false_alarm_in}")
    if shift <= 0:
        raise ValueError(f"shift is a size in standard deviations, more than 0; got {shift}")
    given = np.asarray(losses, dtype=np.float64)
    reference = _Reference.of(given, times)
    rows, days = _stream(reference, np.random.default_rng(_SEED))
    watching = PageHinkley(shift / 2, _NEVER)
    runs = _watch(rows, watching, one_false_alarm_in)
    trial = _with_threshold(watching, _threshold(runs, one_false_alarm_in))
    alarms, simulated = _count_alarms(rows, trial, one_false_alarm_in)
    if isinstance(rows, DailyStream):
        # Bad days bring several alarms, but simulated runs end at their first one. If the measured rate is too high,
        # the threshold is chosen again for a rate that is lower by the same factor.
        times_too_many = max(1, int(alarms.sum())) * one_false_alarm_in / simulated
        trial = _with_threshold(watching, _threshold(runs, one_false_alarm_in * times_too_many))
        alarms, simulated = _count_alarms(rows, trial, one_false_alarm_in)
    low, high = _rate_interval(alarms, simulated)
    delays = _delays(rows, trial, shift, one_false_alarm_in)
    found = np.isfinite(delays)
    return PageHinkley(
        shift / 2,
        trial.parameters.threshold,
        center=reference.mean,
        scale=reference.deviation,
        calibration=Calibration(
            one_false_alarm_in=one_false_alarm_in,
            achieved_one_in=simulated / max(1, int(alarms.sum())),
            achieved_low=low,
            achieved_high=high,
            simulated_rows=simulated,
            reference_rows=reference.standardised.size,
            ignored_rows=given.size - reference.standardised.size,
            block_rows=rows.block,
            days=days,
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
    times: npt.NDArray[np.datetime64] | None

    @classmethod
    def of(cls, losses: Floats, times: npt.ArrayLike | None) -> _Reference:
        kept = np.isfinite(losses)
        finite = losses[kept]
        if finite.size < _FEWEST_LOSSES:
            raise DataError(
                f"Page-Hinkley is calibrated on at least {_FEWEST_LOSSES} finite losses of the reference; "
                f"it has {finite.size} of {losses.size}. Hold out more rows, or switch page_hinkley off"
            )
        mean, deviation = float(finite.mean()), float(finite.std())
        if np.ptp(finite) == 0:
            raise DataError(
                f"all {finite.size} losses of the reference are {finite[0]:g}: there is no deviation to measure a "
                "shift by"
            )
        moments = None if times is None else _moments(times, losses.size)[kept]
        return cls((finite - mean) / deviation, mean, deviation, moments)


def _moments(times: npt.ArrayLike, rows: int) -> npt.NDArray[np.datetime64]:
    moments = np.asarray(times, dtype="datetime64[us]")
    if moments.shape != (rows,) or not (moments[1:] >= moments[:-1]).all():
        raise ValueError(f"times must be the {rows} losses' times, ascending")
    return moments


def _stream(reference: _Reference, rng: np.random.Generator) -> tuple[Stream, int | None]:
    """Return an endless stream of rows like the reference, and the number of its days (None without days)."""
    if reference.times is None:
        return StationaryStream(reference.standardised, blocks_for(reference.standardised), rng), None
    day = whole_days(reference.times)
    days = np.unique(day[day >= 0]).size
    if days < FEWEST_DAYS:
        return StationaryStream(reference.standardised, blocks_for(reference.standardised), rng), days
    return DailyStream(reference.standardised[day >= 0], day[day >= 0], rng), days


def _paths(one_false_alarm_in: float) -> tuple[int, int]:
    """Return number and length of the runs to simulate. Two budgets long, so that most of them end in an alarm."""
    length = math.ceil(2 * one_false_alarm_in)
    return min(_MOST_RUNS, max(_FEWEST_RUNS, math.ceil(_SIMULATED_ROWS / length))), length


@dataclass(frozen=True)
class _Runs:
    """Runs of a detector without a threshold: the rows at which its statistic reached a new maximum."""

    records: list[tuple[Floats, Counts]]
    length: int

    def first_alarms(self, threshold: float) -> tuple[int, int]:
        """Return the number of runs with an alarm at this threshold, and the total rows of all runs up to their end."""
        alarms = taken = 0
        for heights, places in self.records:
            record = int(np.searchsorted(heights, threshold, side="right"))
            alarms += record < heights.size
            taken += int(places[record]) if record < heights.size else self.length
        return alarms, taken


def _watch(rows: Stream, watching: PageHinkley, one_false_alarm_in: float) -> _Runs:
    count, length = _paths(one_false_alarm_in)
    return _Runs([_records(rows, PageHinkley.from_state(watching.state()), length) for _ in range(count)], length)


def _threshold(runs: _Runs, one_false_alarm_in: float) -> float:
    """Solve alarms(threshold) / rows(threshold) = 1 / budget over runs that end at their first alarm."""
    low, high = 0.0, max(float(heights[-1]) for heights, _ in runs.records)
    for _ in range(50):
        middle = (low + high) / 2
        alarms, taken = runs.first_alarms(middle)
        low, high = (middle, high) if alarms * one_false_alarm_in > taken else (low, middle)
    return high


def _with_threshold(watching: PageHinkley, threshold: float) -> PageHinkley:
    return PageHinkley.from_state(watching.state() | {"threshold": threshold})


def _records(rows: Stream, watching: PageHinkley, length: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return values and rows of the statistic's new maxima in a run, from the first row that may raise an alarm."""
    heights, places = [np.zeros(1)], [np.zeros(1, dtype=np.int64)]
    highest, offset = 0.0, 0
    for piece in rows.pieces(length):
        statistic = watching.follow(piece)
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


def _count_alarms(rows: Stream, trial: PageHinkley, one_false_alarm_in: float) -> tuple[Counts, int]:
    """Return the number of alarms of each run, and the total number of rows."""
    count, length = _paths(one_false_alarm_in)
    detector = PageHinkley.from_state(trial.state())
    seen = [0]
    for _ in range(count):
        for piece in rows.pieces(length):
            detector.update(piece)
        seen.append(detector.detections)
    return np.diff(seen), count * length


def _rate_interval(alarms: Counts, rows: int) -> tuple[float, float]:
    """Return the 95% interval of rows per alarm: exact for independent alarms (Poisson), wider for clusters.

    With clusters, the counts of runs vary more than Poisson's. The total then counts only as many alarms as it has
    clusters (McCullagh and Nelder, *Generalized linear models*, 6.2).
    """
    # At least one, so that the rate is finite; some hundred are expected.
    total = max(1, int(alarms.sum()))
    cluster = max(1.0, float(alarms.var(ddof=1)) * alarms.size / total)
    clusters = total / cluster
    return (
        rows / cluster / float(gammaincinv(clusters + 1, 0.975)),
        rows / cluster / float(gammaincinv(clusters, 0.025)),
    )


def _delays(rows: Stream, trial: PageHinkley, shift: float, one_false_alarm_in: float) -> Floats:
    """Return the rows from a shift to its alarm, infinite if it is missed.

    Each trial begins with clean rows without an alarm: a tenth of the budget, at least 500. A shift counts as missed
    after the same number of rows: by then the running mean has moved half way to it, and the statistic falls.
    """
    before = max(500, math.ceil(one_false_alarm_in / 10))
    delays = np.full(_SHIFTS, np.inf)
    for i in range(_SHIFTS):
        rows.go_anywhere()
        detector = _warmed_up(rows, trial, before)
        found = detector.update(rows.draw(before) + (-1) ** i * shift)
        if found.size:
            delays[i] = int(found[0]) + 1
    return delays


def _warmed_up(rows: Stream, trial: PageHinkley, before: int) -> PageHinkley:
    while True:
        detector = PageHinkley.from_state(trial.state())
        if not detector.update(rows.draw(before)).size:
            return detector
