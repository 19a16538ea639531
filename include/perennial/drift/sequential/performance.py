"""Compare the champion's performance on rows whose labels have matured with the spec's limits."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import sklearn.metrics

from perennial.errors import DataError
from perennial.record import Record

Metric = Callable[[npt.NDArray[np.generic], npt.NDArray[np.generic]], float]

_MOST_UNDEFINED = 0.1


class PerformanceTest(Record):
    """A metric with its bootstrap interval, compared with a limit."""

    metric: str
    tested: bool
    """False: not tested, and `reason` says why. That does not mean 'still good'."""
    reason: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    """The interval at `confidence`."""
    confidence: float
    limit: float
    """The value that must be reached, or not exceeded if less is better."""
    rows: int
    breached: bool = False
    """The whole interval is on the wrong side of the limit."""
    sentence: str


def measure_performance(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    *,
    metric: str | Metric,
    limit: float,
    greater_is_better: bool = True,
    confidence: float = 0.95,
    resamples: int = 200,
    min_rows: int = 100,
    seed: int = 0,
) -> PerformanceTest:
    """Compare a metric on matured rows with a limit; it is breached only if the whole bootstrap interval is beyond it.

    Parameters
    ----------
    y_true : array_like of shape (n,)
        Labels.
    y_pred : array_like of shape (n,) or (n, k)
        Predictions or scores, as the metric needs them.
    metric : str or callable
        `metric(y_true, y_pred) -> float`, or the name of a function of `sklearn.metrics`, such as "roc_auc_score".
    limit : float
        Smallest value that is good enough, or the largest if less is better.
    greater_is_better : bool
        False for a loss: then the limit is a maximum.
    confidence : float
        Confidence of the interval, between 0 and 1.
    resamples : int
        Number of resamples of the rows, with replacement.
    min_rows : int
        Minimum number of rows for a test.
    seed : int
        The same rows and seed give the same interval.

    Raises
    ------
    DataError
        Unknown metric, or arrays of different lengths.
    """
    name, score = _resolve(metric)
    truth, predictions = np.asarray(y_true), np.asarray(y_pred)
    rows = truth.shape[0]
    if predictions.shape[0] != rows:
        raise DataError(f"{rows} labels but {predictions.shape[0]} predictions")
    value, reason = _value(score, truth, predictions, rows, min_rows)
    scores = _resampled(score, truth, predictions, resamples, seed) if not reason else np.empty(0)
    if not reason and np.isnan(scores).mean() > _MOST_UNDEFINED:
        reason = f"{name} is not defined on {np.isnan(scores).mean():.0%} of the resamples: a class is too rare"
    if reason:
        sentence = f"{name} not tested: {reason}"
        return PerformanceTest(
            metric=name, tested=False, reason=reason, confidence=confidence, limit=limit, rows=rows, sentence=sentence
        )
    low, high = np.nanquantile(scores, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    breached = high < limit if greater_is_better else low > limit
    bound = "at least" if greater_is_better else "at most"
    certainty = "certainly not" if breached else "met" if (value >= limit) == greater_is_better else "not certain"
    return PerformanceTest(
        metric=name,
        tested=True,
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        limit=limit,
        rows=rows,
        breached=breached,
        sentence=f"{name} {value:.4g} ({low:.4g} to {high:.4g}) on {rows:,} rows; {bound} {limit:g} is asked: {certainty}",
    )


def _resolve(metric: str | Metric) -> tuple[str, Metric]:
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    found = getattr(sklearn.metrics, metric, None)
    if metric not in sklearn.metrics.__all__ or not callable(found):
        raise DataError(f"sklearn.metrics has no function '{metric}'")
    return metric, found


def _value(
    score: Metric, truth: npt.NDArray[np.generic], predictions: npt.NDArray[np.generic], rows: int, min_rows: int
) -> tuple[float, str]:
    """Return the metric and an empty reason, or NaN and the reason."""
    if rows < max(1, min_rows):
        return math.nan, f"{rows} matured rows, fewer than {max(1, min_rows)}"
    value = _score(score, truth, predictions)
    return value, "" if math.isfinite(value) else "it is not defined on these rows; is there only one class?"


def _resampled(
    score: Metric, truth: npt.NDArray[np.generic], predictions: npt.NDArray[np.generic], resamples: int, seed: int
) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    rows = truth.shape[0]
    draws = (rng.integers(0, rows, size=rows) for _ in range(resamples))
    return np.array([_score(score, truth[draw], predictions[draw]) for draw in draws])


def _score(score: Metric, truth: npt.NDArray[np.generic], predictions: npt.NDArray[np.generic]) -> float:
    try:
        return float(score(truth, predictions))
    except ValueError:
        # Metrics raise these where they are not defined, such as on one class; it is reported as not tested.
        return math.nan
