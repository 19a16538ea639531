"""SHAP values of the estimator within a pipeline, named back to the features that its numbers are made of.

Lundberg and Lee (2017), by the trees' own structure (Lundberg et al., 2020) or for linear models. What the estimator reads
are prepared numbers, such as a column for each category: their values are summed up by feature, row by row, before their
sizes are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.pipeline import Pipeline

from perennial.explanations.deadline import Deadline
from perennial.explanations.not_explained import NotExplained, why
from perennial.explanations.records import ShapImportance
from perennial.models.boosted import Boosted
from perennial.models.decided import innermost

_ROWS_AT_ONCE = 20
"""Few: the values of deep forests take seconds a row, and the time is looked at between."""
_ROWS_TO_NAME = 200
_MOST_NUMBERS = 50_000_000
"""Prepared numbers at once, 400 MB: hashed texts have 2**18 columns."""
_NEAR = 1e-3
"""How far probabilities and numbers may be from the sums of their SHAP values, which are float32 in XGBoost."""

Floats = NDArray[np.float64]


def shap_importances(
    pipeline: Pipeline, features: pd.DataFrame, deadline: Deadline
) -> tuple[tuple[ShapImportance, ...], int]:
    """Return the mean size of the SHAP values of each feature, largest first, and by how many rows.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        A fitted one that takes features.
    features : pandas.DataFrame of n rows
    deadline : Deadline

    Raises
    ------
    NotExplained
        SHAP is not installed, takes no such estimator, or gives values that do not add up to its predictions; or the time
        was over.
    """
    estimator = innermost(pipeline[-1])
    prepared = _dense(pipeline[:-1].transform(features))
    explainer = _explainer(estimator, prepared)
    names = made_of(pipeline[:-1], features.head(_ROWS_TO_NAME), deadline)
    sizes: dict[tuple[str, ...], list[Floats]] = {}
    for first in range(0, len(prepared), _ROWS_AT_ONCE):
        if deadline.is_over:
            break
        values = _values(explainer, estimator, prepared[first : first + _ROWS_AT_ONCE])
        for of, columns in names.items():
            sizes.setdefault(of, []).append(np.abs(values[:, columns].sum(axis=1)).reshape(len(values), -1).sum(axis=1))
    if not sizes:
        raise NotExplained("the time was over")
    means = {of: float(np.concatenate(parts).mean()) for of, parts in sizes.items()}
    total = sum(means.values()) or 1.0
    found = [ShapImportance(features=of, size=mean, share=mean / total) for of, mean in means.items()]
    rows = len(np.concatenate(next(iter(sizes.values()))))
    return tuple(sorted(found, key=lambda one: (-one.size, one.features))), rows


def made_of(
    preparation: Pipeline, features: pd.DataFrame, deadline: Deadline
) -> Mapping[tuple[str, ...], Sequence[int]]:
    """Return which prepared columns each feature, or each set of features, goes into.

    It is tried out: a column is made of a feature if it changes when the feature's values are dealt anew among the rows.
    So it holds for any transformer. A column that no feature changes is of none.

    Parameters
    ----------
    preparation : sklearn.pipeline.Pipeline
        Fitted.
    features : pandas.DataFrame
    deadline : Deadline

    Raises
    ------
    NotExplained
        The time was over.
    """
    as_it_is = _dense(preparation.transform(features))
    touched: list[list[str]] = [[] for _ in range(as_it_is.shape[1])]
    order = np.roll(np.arange(len(features)), 1)
    for name in features.columns:
        if deadline.is_over:
            raise NotExplained("the time was over")
        changed = features.assign(**{name: features[name].take(order).set_axis(features.index)})
        differs = (np.nan_to_num(_dense(preparation.transform(changed))) != np.nan_to_num(as_it_is)).any(axis=0)
        for column in np.flatnonzero(differs).tolist():
            touched[column].append(str(name))
    columns: dict[tuple[str, ...], list[int]] = {}
    for column, names in enumerate(touched):
        if names:
            columns.setdefault(tuple(names), []).append(column)
    return columns


def _explainer(estimator: Any, prepared: Floats) -> Any:
    try:
        import shap
    except ImportError:
        raise NotExplained("shap is not installed: pip install 'perennial[explain]'") from None
    own = estimator.booster_ if isinstance(estimator, Boosted) else estimator
    try:
        if hasattr(own, "coef_"):
            return shap.LinearExplainer(own, prepared)
        return shap.TreeExplainer(own)
    except Exception as error:
        raise NotExplained(f"SHAP takes no {type(own).__name__}: {why(error)}") from error


def _values(explainer: Any, estimator: Any, rows: Floats) -> Floats:
    """Return the SHAP values of rows, shape (n, columns) or (n, columns, labels)."""
    try:
        found = explainer(rows)
        values = np.asarray(found.values, dtype=np.float64)
        right = _adds_up(values.sum(axis=1) + found.base_values, estimator, rows)
    except Exception as error:
        raise NotExplained(f"SHAP fails on {type(estimator).__name__}: {why(error)}") from error
    if not right:
        # So it is for histogram boosting with categories: SHAP takes their splits for others, without a word.
        raise NotExplained(f"SHAP does not understand this {type(estimator).__name__}: its values do not add up")
    return values


def _adds_up(sums: Floats, estimator: Any, rows: Floats) -> bool:
    """Tell whether sums of SHAP values are what the estimator predicts, or scores of which its probabilities follow."""
    if not hasattr(estimator, "predict_proba"):
        name = "decision_function" if hasattr(estimator, "decision_function") else "predict"
        return np.allclose(np.squeeze(sums), getattr(estimator, name)(rows), rtol=_NEAR, atol=_NEAR)
    said = estimator.predict_proba(rows)
    from_scores, stated = (expit(sums), said[:, 1]) if sums.ndim == 1 else (softmax(sums, axis=1), said)
    if np.allclose(from_scores, stated, atol=_NEAR):
        return True
    return sums.shape == said.shape and np.allclose(sums, said, atol=_NEAR)


def _dense(prepared: Any) -> Floats:
    rows, columns = prepared.shape
    if rows * columns > _MOST_NUMBERS:
        raise NotExplained(f"the estimator reads {columns:,} numbers a row, too many for the memory")
    dense = prepared.toarray() if sparse.issparse(prepared) else prepared
    try:
        return np.asarray(dense, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NotExplained(f"the estimator reads something else than numbers: {why(error)}") from error
