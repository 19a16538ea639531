"""Partial dependence: the mean prediction if a feature had the same value in all rows (Friedman, 2001).

By the model's own interface, so that also whole numbers, categories and times are set as they are in the source; values are
those that occur, and missing values stay missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from perennial.explanations.feature_model import FeatureModel
from perennial.explanations.records import PREDICTION, Dependence
from perennial.models.predictions import Predictions

MOST_VALUES = 12
MOST_LABELS = 5


def dependence_on(model: FeatureModel, features: pd.DataFrame, name: str) -> Dependence | None:
    """Return the mean predictions at up to 12 values of a feature, those of numbers and times by quantile.

    Parameters
    ----------
    model : FeatureModel
    features : pandas.DataFrame of n rows
    name : str

    Returns
    -------
    Dependence or None
        None: the feature has fewer than two values, or the model gives no probabilities.
    """
    column = features[name]
    values = _values_of(column)
    if len(values) < 2:
        return None
    present = column.notna()
    curves: dict[str, list[float]] = {}
    for value in values:
        means = _means(model.predict(features.assign(**{name: column.where(~present, value)})))
        for label, mean in means.items():
            curves.setdefault(label, []).append(mean)
    if not curves:
        return None
    numeric = pd.api.types.is_numeric_dtype(column)
    return Dependence(
        feature=name,
        values=tuple(_text(value) for value in values),
        numbers=tuple(float(value) for value in values) if numeric else (),
        curves={label: tuple(means) for label, means in curves.items()},
    )


def _values_of(column: pd.Series) -> list[Any]:
    known = column.dropna()
    if not pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_datetime64_any_dtype(known):
        return list(known.value_counts().index[:MOST_VALUES])
    if known.nunique() <= MOST_VALUES:
        return list(np.sort(known.unique()))
    # Between the 5th and the 95th percentile, where there are rows.
    places = np.linspace(0.05, 0.95, MOST_VALUES)
    return list(pd.unique(known.quantile(places, interpolation="nearest")))


def _means(said: Predictions) -> dict[str, float]:
    if not said.classes:
        return {PREDICTION: float(np.mean(said.values))}
    if said.probabilities is None:
        return {}
    means = said.probabilities.mean(axis=0)
    # Of two labels, one follows from the other.
    shown = range(1, 2) if len(said.classes) == 2 else range(min(len(said.classes), MOST_LABELS))
    return {str(said.classes[place]): float(means[place]) for place in shown}


def _text(value: object) -> str:
    return (
        f"{value:.6g}"
        if isinstance(value, float | np.floating)
        else f"{value:%Y-%m-%d %H:%M}"
        if isinstance(value, pd.Timestamp)
        else str(value)
    )
