"""Computes every metric of the task, for one model on one holdout."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perennial.evaluation import classification, regression
from perennial.evaluation.records import Scores
from perennial.evaluation.reweighted import reweighted
from perennial.evaluation.undefined import Undefined
from perennial.models.predictions import Label, Predictions, distinct_labels, join_labels
from perennial.spec import ModelSpec


def score(
    spec: ModelSpec,
    y_true: NDArray[Any],
    predictions: Predictions,
    *,
    labels: tuple[Label, ...] | None = None,
    only: str | None = None,
    weights: NDArray[np.float64] | None = None,
) -> Scores:
    """Compute every metric of the spec's task, or one of them.

    Parameters
    ----------
    spec : ModelSpec
    y_true : array of shape (n,)
        The target in the held-out rows.
    predictions : Predictions
        The model's predictions for the same rows.
    labels : tuple of labels, optional
        Classification: the task's labels, if there are more than those of `y_true` and of the model. Give the same ones
        for two models to compare, so that both or neither are scored as binary.
    only : str, optional
        The only metric to compute. Default: all.
    weights : array of shape (n,), optional
        How much each row counts, see `perennial.data.weights.metric_weights`. Default: all count the same.

    Returns
    -------
    Scores
        A metric without a value on these rows is NaN, with the reason in `undefined`.

    Raises
    ------
    SpecError
        There are two labels, and `target.positive` does not name one of them.
    """
    functions = _chosen(regression.METRICS if spec.task == "regression" else classification.metrics_of(spec), only)
    if not len(y_true):
        missing = "target" if spec.task == "regression" else "label"
        return _none_defined(functions, f"the holdout has no rows with a {missing}")
    try:
        rows = answered_rows(spec, y_true, predictions, labels, weights)
    except Undefined as reason:
        return _none_defined(functions, str(reason))
    metrics, undefined = _compute(functions, rows)
    noted = classification.notes(rows, predictions) if isinstance(rows, classification.LabelledRows) else ()
    return Scores(metrics=metrics, undefined=undefined, notes=noted)


def answered_rows(
    spec: ModelSpec,
    y_true: NDArray[Any],
    predictions: Predictions,
    labels: tuple[Label, ...] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> classification.LabelledRows | regression.Residuals:
    """Convert truth and predictions to the form that the task's metrics read; the arguments are those of `score`.

    Raises
    ------
    Undefined
        A number is NaN or infinite.
    SpecError
        There are two labels, and `target.positive` does not name one of them.
    """
    if spec.task == "regression":
        return regression.Residuals(
            np.asarray(y_true, dtype=np.float64), predictions.values.astype(np.float64), weights
        )
    wanted = labels if labels is not None else task_labels(y_true, predictions)
    return classification.labelled_rows(spec, y_true, predictions, wanted, weights)


def task_labels(y_true: NDArray[Any], predictions: Predictions) -> tuple[Label, ...]:
    """Return the labels of a classification task: those of the holdout and those that the model knows."""
    return join_labels(distinct_labels(y_true), predictions.classes)


def _chosen(functions: Mapping[str, Callable[[Any], float]], only: str | None) -> Mapping[str, Callable[[Any], float]]:
    return functions if only is None else {only: functions[only]}


def _compute(
    functions: Mapping[str, Callable[[Any], float]], rows: classification.LabelledRows | regression.Residuals
) -> tuple[dict[str, float], dict[str, str]]:
    metrics, undefined = {}, {}
    for name, function in functions.items():
        try:
            with np.errstate(all="ignore"):
                # The function says why a metric is not defined; with weights, its value is another.
                metrics[name] = function(rows)
            if rows.weights is not None:
                metrics[name] = _weighted(name, rows)
            if not math.isfinite(metrics[name]):
                raise Undefined("the numbers are too large to compute it")
        except Undefined as reason:
            metrics[name], undefined[name] = math.nan, str(reason)
    return metrics, undefined


def _weighted(name: str, rows: classification.LabelledRows | regression.Residuals) -> float:
    value = float(reweighted(name, rows, np.zeros(len(rows.truth), dtype=np.intp))(np.ones((1, 1)))[0])
    if math.isnan(value):
        raise Undefined("the rows that it needs have no weight")
    return value


def _none_defined(functions: Mapping[str, Callable[[Any], float]], reason: str) -> Scores:
    return Scores(metrics=dict.fromkeys(functions, math.nan), undefined=dict.fromkeys(functions, reason))
