"""The plots of an evaluation, as PNG: its models side by side or on the same axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perennial.evaluation.classification import labelled_rows
from perennial.evaluation.metrics import task_labels
from perennial.evaluation.plots.confusion import confusion
from perennial.evaluation.plots.curves import calibration, precision_recall, roc
from perennial.evaluation.plots.residuals import predicted_against_actual, residuals
from perennial.evaluation.regression import Residuals
from perennial.evaluation.undefined import Undefined
from perennial.models.predictions import Label, Predictions
from perennial.spec import ModelSpec

# Beyond, distances and positions of ticks on the axes overflow.
_MOST_DRAWABLE = 1e300


def draw(
    spec: ModelSpec,
    y_true: NDArray[Any],
    models: Mapping[str, Predictions],
    *,
    labels: tuple[Label, ...] | None = None,
) -> dict[str, bytes]:
    """Draw all plots that are defined for the predictions.

    Parameters
    ----------
    spec : ModelSpec
    y_true : array of shape (n,)
        The target in the held-out rows.
    models : mapping of str to Predictions
        The candidate first, then the champion if there is one; the keys name them in the legends.
    labels : tuple of labels, optional
        See `perennial.evaluation.metrics.score`.

    Returns
    -------
    dict of str to bytes
        File name -> PNG. A plot that is not defined for any of the models is left out; so is a model whose numbers are
        too large for an axis.
    """
    if not len(y_true):
        return {}
    pictures = (
        _of_labels(spec, y_true, models, labels) if spec.task == "classification" else _of_numbers(y_true, models)
    )
    return {name: png for name, png in pictures.items() if png is not None}


def _of_labels(
    spec: ModelSpec, y_true: NDArray[Any], models: Mapping[str, Predictions], labels: tuple[Label, ...] | None
) -> dict[str, bytes | None]:
    wanted = labels if labels is not None else task_labels(y_true, next(iter(models.values())))
    rows = {name: labelled_rows(spec, y_true, predictions, wanted) for name, predictions in models.items()}
    return {
        "roc.png": roc(rows),
        "precision_recall.png": precision_recall(rows),
        "calibration.png": calibration(rows),
        "confusion.png": confusion(rows),
    }


def _of_numbers(y_true: NDArray[Any], models: Mapping[str, Predictions]) -> dict[str, bytes | None]:
    rows = {}
    for name, predictions in models.items():
        try:
            rows[name] = Residuals(np.asarray(y_true, dtype=np.float64), predictions.values.astype(np.float64))
        except Undefined:
            continue
    rows = {name: found for name, found in rows.items() if found.largest <= _MOST_DRAWABLE}
    if not rows:
        return {}
    return {"predicted_against_actual.png": predicted_against_actual(rows), "residuals.png": residuals(rows)}
