"""Compares the champion's performance on rows whose labels have arrived with what the spec asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perennial.evaluation.bootstrap import largest_noise
from perennial.evaluation.metrics import answered_rows, score, task_labels
from perennial.evaluation.reweighted import reweighted
from perennial.models.predictions import Predictions
from perennial.record import Record
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER, MetricName


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
    met: bool = False
    """Whether the value is on the right side of the limit."""
    breached: bool = False
    """Whether the whole interval is on the wrong side of the limit."""
    sentence: str


def measure_performance(
    spec: ModelSpec,
    truth: npt.NDArray[Any],
    predictions: Predictions,
    times: npt.ArrayLike,
    entity: npt.ArrayLike | None = None,
    *,
    metric: MetricName,
    limit: float,
    min_rows: int,
    confidence: float = 0.95,
    weights: npt.NDArray[np.float64] | None = None,
) -> PerformanceTest:
    """Compare a metric on matured rows with a limit, which is breached only if the whole interval is beyond it.

    Parameters
    ----------
    spec : ModelSpec
    truth : array of shape (n,)
        The true labels or numbers.
    predictions : Predictions
        Predictions for the same n rows.
    times : array_like of shape (n,)
        Event times. The interval is measured by consecutive blocks of time, see `largest_noise`.
    entity : array_like of shape (n,), optional
        The entity of each row: the interval is that by blocks of entities if it is wider.
    metric : str
        Name of the metric.
    limit : float
        Lowest value that is good enough, or highest if lower is better.
    min_rows : int
        Number of rows that the test needs.
    confidence : float
        Confidence of the interval, between 0 and 1.
    weights : array of shape (n,), optional
        How much each row counts. Default: all count the same.
    """
    rows = len(truth)
    if rows < max(1, min_rows):
        return _not_tested(metric, limit, confidence, rows, f"{rows} matured rows, fewer than {max(1, min_rows)}")
    labels = task_labels(truth, predictions) if spec.task == "classification" else None
    scored = score(spec, truth, predictions, labels=labels, only=metric, weights=weights)
    if metric in scored.undefined:
        return _not_tested(
            metric, limit, confidence, rows, f"it is not defined on these rows: {scored.undefined[metric]}"
        )
    answered = answered_rows(spec, truth, predictions, labels, weights)
    noise = largest_noise(lambda block: reweighted(metric, answered, block), times, entity, confidence=confidence)
    if noise.reason:
        return _not_tested(metric, limit, confidence, rows, noise.reason)
    value, less_is_better = scored.metrics[metric], metric in LOWER_IS_BETTER
    breached = noise.low > limit if less_is_better else noise.high < limit
    met = value <= limit if less_is_better else value >= limit
    certainty = "certainly not" if breached else "met" if met else "not certain"
    bound = "at most" if less_is_better else "at least"
    return PerformanceTest(
        metric=metric,
        tested=True,
        value=value,
        low=noise.low,
        high=noise.high,
        confidence=confidence,
        limit=limit,
        rows=rows,
        met=met,
        breached=breached,
        sentence=f"{metric} {value:.4g} ({noise.low:.4g} to {noise.high:.4g}) on {rows:,} rows; {bound} {limit:g} is asked: "
        f"{certainty}",
    )


def _not_tested(metric: str, limit: float, confidence: float, rows: int, reason: str) -> PerformanceTest:
    sentence = f"{metric} not tested: {reason}"
    return PerformanceTest(
        metric=metric, tested=False, reason=reason, confidence=confidence, limit=limit, rows=rows, sentence=sentence
    )
