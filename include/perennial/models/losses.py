"""The loss of a model's predictions, row by row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.data.values.columns import LARGEST_NUMBER
from perennial.models.predictions import Predictions


def row_losses(answers: Predictions, truth: pd.Series) -> npt.NDArray[np.float64]:
    """Return the loss of each row's prediction, shape (n,).

    The squared distance of the probability of the true label from 1 (Brier, 1950), or 0 or 1 if the model gives no
    probabilities; for a number its absolute error. Losses of labels are between 0 and 1, those of numbers
    finite. NaN where the truth is missing, or too large a number to compute with.

    Parameters
    ----------
    answers : Predictions
        Predictions for n rows.
    truth : pandas.Series of n
        The true labels or numbers.
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
