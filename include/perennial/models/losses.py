"""How wrong a model's answers are, row by row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.data.values.columns import LARGEST_NUMBER
from perennial.models.predictions import Predictions


def row_losses(answers: Predictions, truth: pd.Series) -> npt.NDArray[np.float64]:
    """Return how wrong each row's answer is, shape (n,).

    The squared distance of the probability of the true label from 1 (Brier, 1950), 0 or 1 where the model gives no
    probabilities, the absolute error of a number. All are bounded by what the model says or finite by nature: one
    row cannot raise an alarm alone. NaN where the truth is missing, or a number that nothing can be reckoned with.

    Parameters
    ----------
    answers : Predictions
        For n rows.
    truth : pandas.Series of n
        What the model should have said.
    """
    if not answers.classes:
        with np.errstate(over="ignore"):
            errors = np.abs(answers.values.astype(np.float64) - truth.to_numpy(dtype=np.float64))
        return np.where(errors <= LARGEST_NUMBER, errors, np.nan)
    if answers.probabilities is None:
        losses = (answers.values != truth.to_numpy()).astype(np.float64)
    else:
        column = pd.Index(list(answers.classes)).get_indexer(pd.Index(truth))
        right = np.where(column >= 0, answers.probabilities[np.arange(len(truth)), column], 0.0)
        losses = (1.0 - right) ** 2
    losses[truth.isna().to_numpy()] = np.nan
    return np.asarray(losses)
