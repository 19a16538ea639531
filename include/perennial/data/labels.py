"""The labels that a model can be trained on, and which of them is the positive one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from perennial.errors import SpecError, TrainingError

if TYPE_CHECKING:
    import pandas as pd

    from perennial.spec import ModelSpec

# No model can be trained on fewer rows. A spec sets its own, higher limit by its window.
LEAST_TRAIN_ROWS = 10


def training_labels(rows: pd.DataFrame, spec: ModelSpec) -> np.ndarray[Any, Any]:
    """Return the target of the training rows, shape (rows,).

    Raises
    ------
    TrainingError
        There are too few rows, or all have the same target value.
    """
    name, count = spec.target.column, len(rows)
    if count < LEAST_TRAIN_ROWS:
        raise TrainingError(
            f"{count} labelled rows are left to train on before the holdout and its label delay, and at least "
            f"{LEAST_TRAIN_ROWS} are needed: widen source.window or shorten evaluation.holdout"
        )
    labels = rows[name].to_numpy()
    if labels.dtype.kind not in "iuf":
        labels = labels.astype(object)
    distinct = np.unique(labels)
    if len(distinct) < 2:
        what = "one class only" if spec.task == "classification" else "one value only"
        raise TrainingError(
            f"target {name!r} has {what} in the {count} training rows: {distinct[0]!s}. "
            f"Widen source.window so that it covers others"
        )
    return labels


def positive_label(spec: ModelSpec, labels: tuple[int | float | str, ...]) -> int | float | str | None:
    """Return which label is positive: the one that the spec names, or 1. None if there are not exactly two labels.

    Raises
    ------
    SpecError
        The spec names a label that does not exist, names one although there are not two, or must name one and does not.
    """
    given = spec.target.positive
    named = ", ".join(map(repr, labels[:10])) + (", ..." if len(labels) > 10 else "")
    if len(labels) > 2:
        if given is not None:
            raise SpecError(
                f"target.positive is {given!r}, which is for two labels, but {spec.target.column!r} has "
                f"{len(labels)}: {named}. Leave target.positive out."
            )
        return None
    positive = 1 if given is None else given
    if len(labels) == 2 and positive not in labels:
        stated = "is not set" if given is None else f"is {given!r}"
        raise SpecError(
            f"target.positive {stated}, and the labels of {spec.target.column!r} are {named}: "
            "set target.positive to the one that the metrics are about."
        )
    return positive if positive in labels else None
