"""Reasons for single predictions: how far each feature moves a row's prediction from what is usual.

Shapley values by sampling (Strumbelj and Kononenko, 2014): features are taken over from a usual row to the explained one, one
after the other, in random orders and in their reverse; the mean move of each is its reason. The moves of a row add up exactly
to its prediction less the mean of the usual rows that it was compared with. Only the model's own interface is used, so it
serves every bundle, also calibrated models and several that serve together, and needs no further library.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perennial.errors import TrainingError
from perennial.models.model import Model
from perennial.models.predictions import Label, Predictions, positions

Floats = NDArray[np.float64]

_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Reasons:
    """Why the predictions for n rows are what they are.

    Attributes
    ----------
    usual : numpy.ndarray of float64, shape (n,)
        The mean prediction for the usual rows that each row was compared with.
    predicted : numpy.ndarray of float64, shape (n,)
        The probability of the explained label, or the predicted number.
    labels : tuple of labels
        The explained label of each row; empty in a regression.
    moves : pandas.DataFrame of shape (n, inputs)
        By how much each column moves the prediction, in the same unit; `usual` and a row's moves add up to `predicted`.
    """

    usual: Floats
    predicted: Floats
    labels: tuple[Label, ...]
    moves: pd.DataFrame

    def strongest(self, row: int, most: int = 3) -> dict[str, float]:
        """Return the columns that move a row's prediction most, by its position, the largest move first."""
        moves = self.moves.iloc[row]
        order = moves.abs().sort_values(ascending=False, kind="stable").index[:most]
        return {str(name): float(moves[name]) for name in order}


def reasons(
    model: Model, rows: pd.DataFrame, *, usual: pd.DataFrame | None = None, orders: int = 10, seed: int = 0
) -> Reasons:
    """Explain the predictions of a model for single rows.

    Parameters
    ----------
    model : Model
        Such as a bundle's `model`. It is asked for `2 * orders * (inputs + 1)` rows for each row.
    rows : pandas.DataFrame of n rows
        With the model's inputs.
    usual : pandas.DataFrame, optional
        The rows that each is compared with, such as the holdout. Default: `rows` themselves.
    orders : int
        Random orders of the columns for each row; each also counts in reverse. The noise of a move falls with the root of it.
    seed : int
        The same seed gives the same reasons.

    Returns
    -------
    Reasons
        For two labels of the second one, which is the positive one where they are 0 and 1; for more, of the one that is
        predicted for the row.

    Raises
    ------
    TrainingError
        The model gives no probabilities, or there are no usual rows.
    """
    inputs = list(model.inputs)
    explained, base = rows[inputs], (rows if usual is None else usual)[inputs]
    if base.empty:
        raise TrainingError("reasons compare with usual rows, and there are none: give some as `usual`")
    said = model.predict(explained)
    column = _column(said)
    random = np.random.default_rng(seed)
    moves = np.zeros((len(explained), len(inputs)))
    from_ = np.zeros(len(explained))
    for _ in range(orders):
        order = random.permuted(np.tile(np.arange(len(inputs)), (len(explained), 1)), axis=1)
        compared = base.take(random.integers(len(base), size=len(explained)))
        for one in (order, order[:, ::-1]):
            path = _along(model, explained, compared, one, column)
            np.put_along_axis(step := np.zeros_like(moves), one, np.diff(path, axis=1), axis=1)
            moves += step
            from_ += path[:, 0]
    labels = () if column is None else tuple(said.classes[place] for place in column)
    return Reasons(
        usual=from_ / (2 * orders),
        predicted=_scores(said, column),
        labels=labels,
        moves=pd.DataFrame(moves / (2 * orders), columns=inputs, index=rows.index),
    )


def _along(
    model: Model, rows: pd.DataFrame, usual: pd.DataFrame, order: NDArray[np.intp], column: NDArray[np.intp] | None
) -> Floats:
    """Return the predictions on the way from usual rows to the explained ones, shape (n, inputs + 1)."""
    names = list(rows.columns)
    steps = len(names) + 1
    # Column k is taken over at the step of its place in the row's order.
    place = np.argsort(order, axis=1)
    path = np.empty((len(rows), steps))
    at_once = max(1, _ROWS_AT_ONCE // steps)
    for first in range(0, len(rows), at_once):
        part = slice(first, first + at_once)
        count = len(rows.iloc[part])
        taken = np.repeat(np.arange(steps), count)
        frame = pd.DataFrame(
            {
                name: _mixed(
                    rows[name].iloc[part], usual[name].iloc[part], np.tile(place[part, k], steps) < taken, steps
                )
                for k, name in enumerate(names)
            }
        )
        chosen = None if column is None else np.tile(column[part], steps)
        path[part] = _scores(model.predict(frame), chosen).reshape(steps, count).T
    return path


def _mixed(own: pd.Series, usual: pd.Series, taken: NDArray[np.bool_], steps: int) -> pd.Series:
    """Return the values of all steps, one step after the other: a row's own where it was taken over."""
    both = pd.concat([usual, own], ignore_index=True)
    count = len(own)
    where = np.tile(np.arange(count), steps) + np.where(taken, count, 0)
    return both.take(where).reset_index(drop=True)


def _column(said: Predictions) -> NDArray[np.intp] | None:
    if not said.classes:
        return None
    if said.probabilities is None:
        raise TrainingError("reasons explain probabilities, and the model gives none: calibrate it (model.calibration)")
    if len(said.classes) == 2:
        return np.ones(len(said.values), dtype=np.intp)
    return positions(said.values, said.classes)


def _scores(said: Predictions, column: NDArray[np.intp] | None) -> Floats:
    if column is None or said.probabilities is None:
        return np.asarray(said.values, dtype=np.float64)
    return np.asarray(said.probabilities[np.arange(len(column)), column])
