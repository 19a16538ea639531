"""Every metric of the task, for one model on one holdout."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from perennial.evaluation import classification, regression
from perennial.evaluation.records import Scores
from perennial.evaluation.undefined import Undefined
from perennial.models.predictions import Label, Predictions, distinct_labels, join_labels
from perennial.spec import ModelSpec

Rows = TypeVar("Rows")


def score(
    spec: ModelSpec,
    y_true: NDArray[Any],
    predictions: Predictions,
    *,
    labels: tuple[Label, ...] | None = None,
    only: str | None = None,
) -> Scores:
    """Compute every metric of the spec's task, or one of them.

    Parameters
    ----------
    spec : ModelSpec
    y_true : array of shape (n,)
        The target in the held-out rows.
    predictions : Predictions
        The model's answers for the same rows.
    labels : tuple of labels, optional
        Classification: the task's labels, where they are more than those of `y_true` and of the model. Give
        the same ones for two models that are to be compared, so that both are scored as binary or neither.
    only : str, optional
        The one metric to compute; it is computed on resample after resample for an interval.

    Returns
    -------
    Scores
        A metric without a value on these rows is NaN and has its reason under `undefined`.

    Raises
    ------
    SpecError
        There are two labels, and `target.positive` does not name one of them.
    """
    if spec.task == "regression":
        return _score_numbers(y_true, predictions, _chosen(regression.METRICS, only))
    functions = _chosen(classification.METRICS, only)
    if not len(y_true):
        return _none_defined(functions, "the holdout has no rows with a label")
    wanted = labels if labels is not None else task_labels(y_true, predictions)
    rows = classification.labelled_rows(spec, y_true, predictions, wanted)
    metrics, undefined = _compute(functions, rows)
    return Scores(metrics=metrics, undefined=undefined, notes=classification.notes(rows, predictions))


def task_labels(y_true: NDArray[Any], predictions: Predictions) -> tuple[Label, ...]:
    """Return the labels of a classification task: those of the holdout and those that the model knows."""
    return join_labels(distinct_labels(y_true), predictions.classes)


def _chosen(functions: dict[str, Callable[[Rows], float]], only: str | None) -> dict[str, Callable[[Rows], float]]:
    return functions if only is None else {only: functions[only]}


def _score_numbers(
    y_true: NDArray[Any], predictions: Predictions, functions: dict[str, Callable[[regression.Residuals], float]]
) -> Scores:
    if not len(y_true):
        return _none_defined(functions, "the holdout has no rows with a target")
    try:
        rows = regression.Residuals(np.asarray(y_true, dtype=np.float64), predictions.values.astype(np.float64))
    except Undefined as reason:
        return _none_defined(functions, str(reason))
    metrics, undefined = _compute(functions, rows)
    return Scores(metrics=metrics, undefined=undefined)


def _compute(functions: dict[str, Callable[[Rows], float]], rows: Rows) -> tuple[dict[str, float], dict[str, str]]:
    metrics, undefined = {}, {}
    for name, function in functions.items():
        try:
            with np.errstate(all="ignore"):
                metrics[name] = function(rows)
            if not math.isfinite(metrics[name]):
                raise Undefined("the numbers are too large to compute it")
        except Undefined as reason:
            metrics[name], undefined[name] = math.nan, str(reason)
    return metrics, undefined


def _none_defined(functions: dict[str, Callable[[Rows], float]], reason: str) -> Scores:
    return Scores(metrics=dict.fromkeys(functions, math.nan), undefined=dict.fromkeys(functions, reason))
