"""A classifier that predicts the positive label from another probability on in each group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from perennial.models.predictions import Label, Predictions, as_array

MISSING = "missing"


@dataclass(frozen=True)
class GroupThresholds:
    """From which probability on a label is predicted.

    Attributes
    ----------
    column : str
        The column of the groups.
    label : int, float or str
        The label that is predicted where its probability reaches the threshold; elsewhere the other of two is.
    at : mapping of str to float
        Group -> its threshold.
    otherwise : float
        The threshold of rows of all other groups.
    """

    column: str
    label: Label
    at: Mapping[str, float]
    otherwise: float


class GroupThresholdClassifier(FixedThresholdClassifier):  # type: ignore[misc]
    """A fitted classifier of two labels with thresholds by group.

    By itself, and so as the last step of a pipeline, it does not know a row's group, and takes `otherwise`. The format that
    keeps it writes the thresholds as numbers, since its own type would need this module wherever the file is read.

    Parameters
    ----------
    estimator : fitted classifier
        Gives probabilities; it is not changed.
    thresholds : GroupThresholds
    """

    def __init__(self, estimator: Any, thresholds: GroupThresholds) -> None:
        super().__init__(
            estimator, threshold=thresholds.otherwise, pos_label=thresholds.label, response_method="predict_proba"
        )
        self.thresholds = thresholds

    @classmethod
    def around(cls, fitted: Any, thresholds: GroupThresholds) -> GroupThresholdClassifier:
        """Return a fitted classifier with thresholds."""
        # Fitting a frozen estimator only takes over what it knows.
        decided = cls(FrozenEstimator(fitted), thresholds)
        decided.fit(np.zeros((2, 1)), np.asarray(fitted.classes_))
        return decided


def groups_of(column: pd.Series) -> NDArray[np.object_]:
    """Return the group of each row as text, shape (n,): its value, or 'missing'.

    A whole number is the same group whether it is read as that, as a float, as in columns with gaps, or as true or false.
    """
    codes, values = pd.factorize(column)
    # The code of a missing value is -1.
    return np.array([*map(_name, values), MISSING], dtype=object)[codes]


def _name(value: Any) -> str:
    whole = isinstance(value, float | np.floating | bool | np.bool_) and float(value).is_integer()
    return str(int(value)) if whole else str(value)


def inputs_of(estimator: Any) -> tuple[str, ...]:
    """Return the columns that a pipeline's last step reads of the rows themselves."""
    return (estimator.thresholds.column,) if isinstance(estimator, GroupThresholdClassifier) else ()


def decided_by_group(estimator: Any, said: Predictions, rows: pd.DataFrame) -> Predictions:
    """Return predictions with the labels that follow from the thresholds of the rows' groups.

    Parameters
    ----------
    estimator : fitted estimator
        The last step of a pipeline; of one without thresholds by group the predictions are returned as they are.
    said : Predictions
        What it says of n rows.
    rows : pandas.DataFrame of n rows
        With the column of the groups.
    """
    if not isinstance(estimator, GroupThresholdClassifier) or said.probabilities is None:
        return said
    own = estimator.thresholds
    place = said.classes.index(own.label)
    codes, names = pd.factorize(groups_of(rows[own.column]))
    needed = np.array([own.at.get(name, own.otherwise) for name in names], dtype=np.float64)[codes]
    reached = said.probabilities[:, place] >= needed
    return replace(said, values=as_array(said.classes)[np.where(reached, place, 1 - place)], threshold=None)
