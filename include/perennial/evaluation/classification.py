"""The classification metrics: each a function of the same holdout that returns a number or raises Undefined.

With two labels the metrics are those of the positive one. With more they are macro averages: the mean over the labels
of the holdout, each against the rest, where every label counts the same, whatever its number of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from perennial.data.labels import positive_label
from perennial.evaluation.undefined import Undefined
from perennial.models.predictions import Label, Predictions, distinct_labels, join_labels, positions
from perennial.spec import ModelSpec
from perennial.spec.metrics import EXPECTED_COST


@dataclass(frozen=True)
class LabelledRows:
    """The truth and a model's predictions, as positions in one list of labels.

    Attributes
    ----------
    labels : tuple of k labels
        All labels of the holdout and of the models.
    truth, predicted : arrays of shape (n,)
        Positions in `labels`.
    positive : int or None
        Position of the positive label; None if the task has more than two labels, or if the positive one does not
        occur.
    binary : bool
        Whether the task has at most two labels.
    ranking, probabilities : arrays of shape (n, k) or None
        Scores of the labels; 0 for a label that the model does not know.
    weights : array of shape (n,) or None
        How much each row counts in `reweighted`; None: all count the same.
    costs : array of shape (k, k) or None
        Cost by true label (first axis) and predicted label (second), NaN for a label that the spec's costs do not name;
        None: it has no costs.
    """

    labels: tuple[Label, ...]
    truth: NDArray[np.intp]
    predicted: NDArray[np.intp]
    positive: int | None
    binary: bool
    ranking: NDArray[np.float64] | None
    probabilities: NDArray[np.float64] | None
    weights: NDArray[np.float64] | None = None
    costs: NDArray[np.float64] | None = None

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Rows by true label (first axis) and predicted label (second), shape (k, k)."""
        k = len(self.labels)
        return np.bincount(self.truth * k + self.predicted, minlength=k * k).reshape(k, k)

    @cached_property
    def present(self) -> NDArray[np.intp]:
        """Positions of the labels that the holdout has."""
        return np.flatnonzero(self.confusion.sum(axis=1))


def labelled_rows(
    spec: ModelSpec,
    y_true: NDArray[Any],
    predictions: Predictions,
    labels: tuple[Label, ...],
    weights: NDArray[np.float64] | None = None,
) -> LabelledRows:
    """Convert truth and predictions to positions in one list of labels.

    Parameters
    ----------
    y_true : array of shape (n,)
    labels : tuple of labels
        The task's labels; the task is binary if there are two.
    weights : array of shape (n,), optional
        How much each row counts.

    Raises
    ------
    SpecError
        There are two labels, and the spec does not say which of them is positive.
    """
    everything = join_labels(labels, distinct_labels(y_true), distinct_labels(predictions.values), predictions.classes)
    positive = positive_label(spec, labels)
    return LabelledRows(
        labels=everything,
        truth=positions(y_true, everything),
        predicted=positions(predictions.values, everything),
        positive=everything.index(positive) if positive in everything else None,
        binary=len(labels) <= 2,
        ranking=_spread(predictions.ranking, predictions.classes, everything),
        probabilities=_spread(predictions.probabilities, predictions.classes, everything),
        weights=weights,
        costs=_costs(spec, everything),
    )


def _spread(
    columns: NDArray[np.float64] | None, classes: tuple[Label, ...], labels: tuple[Label, ...]
) -> NDArray[np.float64] | None:
    if columns is None:
        return None
    spread = np.zeros((len(columns), len(labels)))
    spread[:, [labels.index(label) for label in classes]] = columns
    return spread


def _costs(spec: ModelSpec, labels: tuple[Label, ...]) -> NDArray[np.float64] | None:
    given = spec.model.imbalance.costs
    if given is None:
        return None
    costs = np.full((len(labels), len(labels)), np.nan)
    named = [labels.index(label) for label in given.labels if label in labels]
    costs[np.ix_(named, named)] = np.array(given.matrix)[np.ix_(*2 * [[given.labels.index(labels[i]) for i in named]])]
    return costs


def roc_auc(rows: LabelledRows) -> float:
    """Area under the ROC curve: how often a row with the label ranks above one without it. Guessing gives 0.5."""
    return _one_against_rest(rows, roc_auc_score)


def pr_auc(rows: LabelledRows) -> float:
    """Average precision. Guessing gives the label's share of the rows."""
    return _one_against_rest(rows, average_precision_score)


def log_loss(rows: LabelledRows) -> float:
    """Mean of -log(probability given to the true label); probabilities below 2.2e-16 count as 2.2e-16."""
    given = given_probabilities(rows)[np.arange(len(rows.truth)), rows.truth]
    return float(np.mean(-np.log(np.maximum(given, np.finfo(np.float64).eps))))


def brier(rows: LabelledRows) -> float:
    """Half the mean squared distance of the probabilities from the truth, over all labels: 0 to 1.

    With two labels this is the mean squared error of the positive label's probability.
    """
    distance = given_probabilities(rows).copy()
    distance[np.arange(len(rows.truth)), rows.truth] -= 1
    return float(np.mean(np.sum(distance**2, axis=1)) / 2)


def expected_cost(rows: LabelledRows) -> float:
    """Mean cost of the predictions, by the spec's cost matrix."""
    return float(np.mean(given_costs(rows)))


def given_costs(rows: LabelledRows) -> NDArray[np.float64]:
    """Return the cost of each row's prediction, shape (n,), or raise Undefined if a label has none."""
    assert rows.costs is not None  # noqa: S101 - without costs the metric is not computed
    costs = rows.costs[rows.truth, rows.predicted]
    unnamed = [repr(rows.labels[i]) for i in np.flatnonzero(np.isnan(rows.costs.diagonal()))]
    if np.isnan(costs).any():
        raise Undefined(f"model.imbalance.costs does not name the label {_listed(unnamed)}")
    return costs


def accuracy(rows: LabelledRows) -> float:
    """Share of the rows whose label is predicted."""
    return float(np.mean(rows.truth == rows.predicted))


def balanced_accuracy(rows: LabelledRows) -> float:
    """Mean over the holdout's labels of the share of the label's rows that are predicted as it."""
    _require_two_labels(rows)
    right, _, actual = _counts(rows)
    return float(np.mean(right[rows.present] / actual[rows.present]))


def precision(rows: LabelledRows) -> float:
    """Share of the rows predicted as the label that have it.

    In an average, a label that is never predicted counts as 0.
    """
    right, predicted, _ = _counts(rows)
    if not rows.binary:
        return float(np.mean((right / np.maximum(predicted, 1))[rows.present]))
    positive = positive_place(rows)
    if not predicted[positive]:
        raise Undefined(f"no row is predicted as {rows.labels[positive]!r}")
    return float(right[positive] / predicted[positive])


def recall(rows: LabelledRows) -> float:
    """Share of the rows with the label that are predicted as it."""
    right, _, actual = _counts(rows)
    chosen = _labels_with_rows(rows)
    return float(np.mean(right[chosen] / actual[chosen]))


def f1(rows: LabelledRows) -> float:
    """Harmonic mean of precision and recall."""
    right, predicted, actual = _counts(rows)
    chosen = _labels_with_rows(rows)
    return float(np.mean(2 * right[chosen] / (predicted[chosen] + actual[chosen])))


def _one_against_rest(rows: LabelledRows, area: Callable[[NDArray[np.bool_], NDArray[np.float64]], float]) -> float:
    _require_two_labels(rows)
    ranking = given_ranking(rows)
    chosen = [positive_place(rows)] if rows.binary else rows.present
    return float(np.mean([area(rows.truth == label, ranking[:, label]) for label in chosen]))


def given_ranking(rows: LabelledRows) -> NDArray[np.float64]:
    """Return the scores that rank the rows by label, or raise Undefined if the model has none."""
    if rows.ranking is None:
        raise Undefined("the model has neither predict_proba nor a decision_function with a score for each label")
    _require_finite(rows.ranking)
    return rows.ranking


def given_probabilities(rows: LabelledRows) -> NDArray[np.float64]:
    """Return the probabilities, or raise Undefined if there are none or they are not valid."""
    given = rows.probabilities
    if given is None:
        raise Undefined("the model gives no probabilities (it has no predict_proba)")
    _require_finite(given)
    wrong = int(((given < -1e-6).any(axis=1) | (np.abs(given.sum(axis=1) - 1) > 1e-3)).sum())
    if wrong:
        raise Undefined(
            f"in {wrong:,} of {len(given):,} rows the model's probabilities are negative or do not sum to 1"
        )
    return given


def _counts(rows: LabelledRows) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """For each label, numbers of rows: with the label and predicted as it, predicted as it, with the label."""
    return np.diag(rows.confusion), rows.confusion.sum(axis=0), rows.confusion.sum(axis=1)


def _labels_with_rows(rows: LabelledRows) -> NDArray[np.intp]:
    """The labels to average over: those of the holdout, or only the positive one."""
    if not rows.binary:
        return rows.present
    positive = positive_place(rows)
    if positive not in rows.present:
        raise Undefined(f"no held-out row has the positive label {rows.labels[positive]!r}")
    return np.array([positive])


def positive_place(rows: LabelledRows) -> int:
    """Return the positive label's position, or raise Undefined if it does not occur."""
    if rows.positive is None:
        raise Undefined(f"the positive label does not occur, neither in the holdout nor in the model: {_only(rows)}")
    return rows.positive


def _require_two_labels(rows: LabelledRows) -> None:
    if len(rows.present) < 2:
        raise Undefined(_only(rows))


def _only(rows: LabelledRows) -> str:
    return f"every held-out row has the label {rows.labels[rows.present[0]]!r}"


def _require_finite(columns: NDArray[np.float64]) -> None:
    bad = int((~np.isfinite(columns)).any(axis=1).sum())
    if bad:
        raise Undefined(f"the model's scores are NaN or infinite in {bad:,} of {len(columns):,} rows")


METRICS: dict[str, Callable[[LabelledRows], float]] = {
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
    "log_loss": log_loss,
    "brier": brier,
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
}


def metrics_of(spec: ModelSpec) -> dict[str, Callable[[LabelledRows], float]]:
    """Return the metrics of a spec's classification: `expected_cost` is among them if it has costs."""
    return METRICS if spec.model.imbalance.costs is None else {**METRICS, EXPECTED_COST: expected_cost}


def notes(rows: LabelledRows, predictions: Predictions) -> tuple[str, ...]:
    """Return notes for readers of the figures: labels that holdout or model lacks, and what ranked the rows."""
    said = []
    if predictions.probabilities is None and predictions.decisions is not None:
        said.append("no predict_proba: rows are ranked by decision_function")
    actual = rows.confusion.sum(axis=1)
    unknown = [
        f"{rows.labels[i]!r} ({actual[i]:,} rows)" for i in rows.present if rows.labels[i] not in predictions.classes
    ]
    if unknown:
        said.append(f"the model never saw the label {_listed(unknown)}, and gives it probability 0")
    unseen = [repr(label) for label in predictions.classes if not actual[rows.labels.index(label)]]
    if unseen:
        said.append(f"no held-out row has the label {_listed(unseen)}, which the model knows")
    never = [repr(rows.labels[i]) for i in rows.present if not rows.confusion[:, i].any()]
    if never and not rows.binary:
        said.append(f"never predicted, and so counted as precision 0: {_listed(never)}")
    return tuple(said)


def _listed(labels: list[str]) -> str:
    return ", ".join(labels[:10]) + (f" and {len(labels) - 10} more" if len(labels) > 10 else "")
