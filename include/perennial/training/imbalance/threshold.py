"""Chooses the probability from which the positive label is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EQUAL = 1e-12


def best_threshold(
    metric: str,
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    *,
    weights: NDArray[np.float64] | None = None,
    costs: NDArray[np.float64] | None = None,
) -> float:
    """Return the threshold that is best for a metric on these rows.

    All that tell the rows apart are tried: half way between two neighbouring probabilities, one below all and one above
    all. Of several that are as good, the one nearest to 0.5 is taken.

    Parameters
    ----------
    metric : {'accuracy', 'balanced_accuracy', 'f1', 'expected_cost'}
    positive : array of shape (n,)
        Whether each row has the positive label.
    probability : array of shape (n,)
        Probability of the positive label. A row is predicted positive if it is at least the threshold.
    weights : array of shape (n,), optional
        How much each row counts. Default: all count the same.
    costs : array of shape (2, 2), optional
        Cost by true label (first axis) and predicted label (second), the positive label last; for `expected_cost`.
    """
    count = np.ones(len(positive)) if weights is None else weights
    order = np.argsort(-probability, kind="stable")
    ranked, hit = probability[order], positive[order]
    last = np.append(ranked[1:] < ranked[:-1], True)
    true = np.concatenate([[0.0], np.cumsum(count[order] * hit)[last]])
    false = np.concatenate([[0.0], np.cumsum(count[order] * ~hit)[last]])
    values = _values(metric, true, false, costs)
    best = np.flatnonzero(values >= np.nanmax(values) - _EQUAL)
    thresholds = between(ranked[last])
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - 0.5))]])


def _values(
    metric: str, true: NDArray[np.float64], false: NDArray[np.float64], costs: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return how good each threshold is, by the counts of true and false positives; the last one predicts all."""
    positives, negatives = true[-1], false[-1]
    missed, right = positives - true, negatives - false
    with np.errstate(invalid="ignore"):
        if metric == "accuracy":
            return np.asarray((true + right) / (positives + negatives))
        if metric == "balanced_accuracy":
            return np.asarray((true / positives + right / negatives) / 2)
        if metric == "f1":
            return np.asarray(2 * true / (true + false + positives))
    assert costs is not None  # noqa: S101 - the spec asks for costs with this metric
    total = right * costs[0, 0] + false * costs[0, 1] + missed * costs[1, 0] + true * costs[1, 1]
    return np.asarray(-total / (positives + negatives))


def between(distinct: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a threshold above all of the probabilities, which are descending, those between two, and one below all."""
    middle = (distinct[1:] + distinct[:-1]) / 2
    # Of two neighbouring floating-point numbers, the middle may be the lower one.
    middle = np.where(middle > distinct[1:], middle, distinct[:-1])
    return np.concatenate([[np.nextafter(distinct[0], 2.0)], middle, [distinct[-1] / 2]])
