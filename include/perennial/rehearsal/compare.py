"""How far a package's answers are from the bundle's. Arrays in, figures out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perennial.errors import PackageError
from perennial.models.predictions import Predictions
from perennial.packages.runtime.answers import PREDICTION, answers_of


class Differences(NamedTuple):
    """The differences of n rows.

    Attributes
    ----------
    each : array of shape (n,)
        The largest difference in each row: of probabilities, decision scores or predicted numbers.
    labels_changed : int
        Rows with another label, unless the bundle's own scores are so close that an allowed difference changes it.
    """

    each: NDArray[np.float64]
    labels_changed: int


def differences(expected: Predictions, answers: pd.DataFrame, allowed: float) -> Differences:
    """Compare a package's answers with the bundle's predictions for the same rows.

    Parameters
    ----------
    expected : Predictions
        Of the bundle, for n rows.
    answers : DataFrame of shape (n, columns)
        Of the package; see `answers_of`.
    allowed : float
        Largest difference that the spec allows.

    Raises
    ------
    PackageError
        There are not as many answers as rows, or they have other columns.
    """
    ours = answers_of(expected)
    if len(ours) != len(answers):
        raise PackageError(f"it gives {len(answers):,} answers for {len(ours):,} rows")
    if list(ours.columns) != list(answers.columns):
        raise PackageError(
            f"it answers with {', '.join(answers.columns)}, and the bundle with {', '.join(ours.columns)}"
        )
    numbers = [name for name in ours.columns if name != PREDICTION] if expected.classes else [PREDICTION]
    each = np.zeros(len(ours))
    for name in numbers:
        one, other = (table[name].to_numpy(dtype=np.float64, na_value=np.nan) for table in (ours, answers))
        with np.errstate(invalid="ignore"):
            apart = np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, np.abs(one - other))
        each = np.maximum(each, np.where(np.isnan(apart), np.inf, apart))
    if not expected.classes:
        return Differences(each, 0)
    other_label = ours[PREDICTION].astype(str).to_numpy() != answers[PREDICTION].astype(str).to_numpy()
    return Differences(each, int((other_label & (_margins(expected) > 2 * allowed)).sum()))


def _margins(said: Predictions) -> NDArray[np.float64]:
    """Return for each row by how much the bundle's scores are away from another label."""
    if said.ranking is None or len(said.classes) < 2:
        return np.full(len(said.values), np.inf)
    if said.threshold is not None:
        return np.abs(said.ranking[:, said.classes.index(said.threshold.label)] - said.threshold.at)
    two = np.sort(said.ranking, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])
