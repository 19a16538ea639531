"""Metrics as functions of the weights of blocks of rows, computed for many resamples at once.

A resample contains each block a number of times, its weight. What a metric needs of the rows is summed up once for each
block, so that a thousand resamples take little more time than one: means and counts are products of weights and sums,
the area under the ROC curve is a quadratic form of the weights, average precision a product for each threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from perennial.evaluation.blocks import Ints
from perennial.evaluation.classification import (
    LabelledRows,
    given_costs,
    given_probabilities,
    given_ranking,
    positive_place,
)
from perennial.evaluation.regression import Residuals
from perennial.spec.metrics import EXPECTED_COST

Floats = npt.NDArray[np.float64]
Reweighted = Callable[[Floats], Floats]
"""Weights of b blocks in r resamples, shape (r, b), not negative -> metric of each, shape (r,); NaN: not defined."""

# Thresholds x resamples computed at once: small enough for the processor's cache.
_CELLS = 1 << 18


def reweighted(metric: str, rows: LabelledRows | Residuals, block: Ints) -> Reweighted:
    """Return a metric as a function of the blocks' weights.

    Parameters
    ----------
    metric : str
        A name of `perennial.spec.metrics`. With equal weights the function gives the metric of all rows, if it is
        defined.
    rows : LabelledRows or Residuals
        Truth and predictions, shape (n,), with the rows' own weights if they have some.
    block : numpy.ndarray of intp, shape (n,)
        Each row's block, from 0. Memory and time grow with the square of the number of blocks (`roc_auc`).

    Raises
    ------
    Undefined
        The model's predictions lack what the metric needs.
    """
    made = _of_numbers(metric, rows, block) if isinstance(rows, Residuals) else _of_labels(metric, rows, block)

    def quietly(weights: Floats) -> Floats:
        with np.errstate(all="ignore"):
            values = made(weights)
        return np.where(np.isfinite(values), values, np.nan)

    return quietly


def _of_numbers(metric: str, rows: Residuals, block: Ints) -> Reweighted:
    count = _counts(rows)
    with np.errstate(all="ignore"):
        error = rows.truth - rows.predicted
        if metric == "rmse":
            squared = _mean(error**2, count, block)
            return lambda weights: np.sqrt(squared(weights))
        if metric == "mae":
            return _mean(np.abs(error), count, block)
        if metric == "mape":
            return _mean(np.abs(error / rows.truth), count, block)
        return _explained(rows.truth, error, count, block)


def _explained(truth: Floats, error: Floats, count: Floats, block: Ints) -> Reweighted:
    """`r2`, with squares around the mean of all rows, to avoid cancellation."""
    centred = truth - truth.mean()
    parts = (np.ones_like(truth), centred, centred**2, error**2)
    sums = np.column_stack([_sums(values * count, block) for values in parts])

    def measure(weights: Floats) -> Floats:
        count, first, second, missed = (weights @ sums).T
        return np.asarray(1 - missed / (second - first**2 / count))

    return measure


def _of_labels(metric: str, rows: LabelledRows, block: Ints) -> Reweighted:
    if metric in ("roc_auc", "pr_auc"):
        return _areas(metric, rows, block)
    if metric == "accuracy":
        return _mean((rows.truth == rows.predicted).astype(np.float64), _counts(rows), block)
    if metric == EXPECTED_COST:
        return _mean(given_costs(rows), _counts(rows), block)
    if metric in ("log_loss", "brier"):
        return _mean(_losses(metric, rows), _counts(rows), block)
    return _counted(metric, rows, block)


def _losses(metric: str, rows: LabelledRows) -> Floats:
    given = given_probabilities(rows)
    own = np.arange(len(rows.truth)), rows.truth
    if metric == "log_loss":
        return np.asarray(-np.log(np.maximum(given[own], np.finfo(np.float64).eps)))
    distance = given.copy()
    distance[own] -= 1
    return np.asarray(np.sum(distance**2, axis=1) / 2)


def _counted(metric: str, rows: LabelledRows, block: Ints) -> Reweighted:
    """`balanced_accuracy`, `precision`, `recall` and `f1`: from counts by label."""
    count = _counts(rows)
    right = _per_label(rows.truth, count * (rows.truth == rows.predicted), rows, block)
    predicted = _per_label(rows.predicted, count, rows, block)
    actual = _per_label(rows.truth, count, rows, block)
    one = rows.binary and metric != "balanced_accuracy"
    chosen = np.array([positive_place(rows)]) if one else rows.present

    def measure(weights: Floats) -> Floats:
        hits, said, there = (weights @ counts[:, chosen] for counts in (right, predicted, actual))
        if metric == "precision":
            # With two labels, precision is undefined if the label is never predicted; in an average it counts as 0.
            share = hits / (said if one else np.where(said > 0, said, 1))
            return share[:, 0] if one else _mean_of_present(share, there)
        share = 2 * hits / (said + there) if metric == "f1" else hits / there
        found = _mean_of_present(share, there)
        return np.where((there > 0).sum(axis=1) > 1, found, np.nan) if metric == "balanced_accuracy" else found

    return measure


def _counts(rows: LabelledRows | Residuals) -> Floats:
    """How much each row counts, shape (n,)."""
    return np.ones(len(rows.truth)) if rows.weights is None else rows.weights


def _per_label(label: Ints, count: Floats, rows: LabelledRows, block: Ints) -> Floats:
    """Rows by block and label, shape (b, k)."""
    k, b = len(rows.labels), int(block.max()) + 1
    return np.bincount(block * k + label, weights=count, minlength=b * k).reshape(b, k).astype(np.float64)


def _mean_of_present(shares: Floats, there: Floats) -> Floats:
    """Mean over the labels that have rows with these weights, shape (r,); NaN if no label has."""
    present = there > 0
    return np.asarray(np.where(present, shares, 0).sum(axis=1) / present.sum(axis=1))


def _areas(metric: str, rows: LabelledRows, block: Ints) -> Reweighted:
    """`roc_auc` and `pr_auc`: of the positive label, or the mean over the labels, each against the rest."""
    ranking = given_ranking(rows)
    area = _roc_area if metric == "roc_auc" else _average_precision
    chosen = np.array([positive_place(rows)]) if rows.binary else rows.present
    count = _counts(rows)
    one_against_rest = [area(rows.truth == label, ranking[:, label], count, block) for label in chosen]
    actual = _per_label(rows.truth, count, rows, block)

    def measure(weights: Floats) -> Floats:
        there = weights @ actual
        areas = np.column_stack([one(weights) for one in one_against_rest])
        found = _mean_of_present(areas, there[:, chosen])
        return np.where((there > 0).sum(axis=1) > 1, found, np.nan)

    return measure


def _roc_area(positive: npt.NDArray[np.bool_], score: Floats, count: Floats, block: Ints) -> Reweighted:
    """Share of the pairs of a positive and a negative row in which the positive one scores higher; ties count half.

    The pairs are counted once for each pair of blocks (the Mann-Whitney form of the area: Hanley and McNeil, 1982).
    """
    b = int(block.max()) + 1
    by_score = np.argsort(score[positive], kind="stable")
    above, of_block, counted = (values[positive][by_score] for values in (score, block, count))
    pairs, negatives = np.zeros((b, b)), np.zeros(b)
    for j in range(b):
        here = np.flatnonzero(~positive & (block == j))
        here = here[np.argsort(score[here])]
        below, up_to = score[here], np.concatenate([[0.0], np.cumsum(count[here])])
        in_order = up_to[np.searchsorted(below, above, "left")] + up_to[np.searchsorted(below, above, "right")]
        pairs[:, j] = np.bincount(of_block, counted * in_order / 2, minlength=b)
        negatives[j] = up_to[-1]
    positives = _sums(positive * count, block)

    def measure(weights: Floats) -> Floats:
        in_order = np.einsum("rb,rb->r", weights @ pairs, weights)
        return np.asarray(in_order / ((weights @ positives) * (weights @ negatives)))

    return measure


def _average_precision(positive: npt.NDArray[np.bool_], score: Floats, count: Floats, block: Ints) -> Reweighted:
    """Mean over the positive rows of the precision at their score as threshold."""
    b = int(block.max()) + 1
    thresholds, at = np.unique(-score[positive], return_inverse=True)
    from_here = np.searchsorted(thresholds, -score)
    reached = from_here < len(thresholds)
    hits = _by_threshold(at, block[positive], count[positive], len(thresholds), b)
    said = np.cumsum(_by_threshold(from_here[reached], block[reached], count[reached], len(thresholds), b), axis=0)
    true = np.cumsum(hits, axis=0)

    def measure(weights: Floats) -> Floats:
        return np.concatenate([_step_area(piece) for piece in _pieces(weights, len(thresholds))])

    def _step_area(weights: Floats) -> Floats:
        precision = np.nan_to_num((true @ weights.T) / (said @ weights.T))
        return np.asarray(np.einsum("tr,tr->r", precision, hits @ weights.T) / (weights @ hits.sum(axis=0)))

    return measure


def _by_threshold(at: Ints, block: Ints, count: Floats, thresholds: int, blocks: int) -> Floats:
    counts = np.bincount(at * blocks + block, weights=count, minlength=thresholds * blocks)
    return counts.reshape(thresholds, blocks).astype(np.float64)


def _pieces(weights: Floats, thresholds: int) -> Iterator[Floats]:
    resamples = max(1, _CELLS // max(thresholds, 1))
    yield from (weights[start : start + resamples] for start in range(0, len(weights), resamples))


def _mean(values: Floats, count: Floats, block: Ints) -> Reweighted:
    total, rows = _sums(values * count, block), _sums(count, block)
    return lambda weights: np.asarray((weights @ total) / (weights @ rows))


def _sums(values: Floats, block: Ints) -> Floats:
    """Sum of each block, shape (b,)."""
    return np.bincount(block, weights=values).astype(np.float64)
