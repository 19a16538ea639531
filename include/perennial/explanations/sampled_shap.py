"""The mean size of features' SHAP values by sampling, for a model whose estimator SHAP itself does not take."""

from __future__ import annotations

import pandas as pd

from perennial.errors import TrainingError
from perennial.explanations.deadline import Deadline
from perennial.explanations.feature_model import FeatureModel
from perennial.explanations.not_explained import NotExplained
from perennial.explanations.records import ShapImportance
from perennial.models.reasons import reasons

_ROWS_AT_ONCE = 20
_ORDERS = 3


def sampled_importances(
    model: FeatureModel, features: pd.DataFrame, deadline: Deadline, seed: int
) -> tuple[tuple[ShapImportance, ...], int]:
    """Return the mean size of the reasons for the predictions, largest first, and by how many rows.

    Parameters
    ----------
    model : FeatureModel
    features : pandas.DataFrame of n rows
        Each is compared with others of them.
    deadline : Deadline
    seed : int

    Raises
    ------
    NotExplained
        The model gives no probabilities, or the time was over.
    """
    sizes = []
    for first in range(0, len(features), _ROWS_AT_ONCE):
        if deadline.is_over:
            break
        part = features.iloc[first : first + _ROWS_AT_ONCE]
        try:
            sizes.append(reasons(model, part, usual=features, orders=_ORDERS, seed=seed + first).moves.abs())
        except TrainingError as error:
            raise NotExplained(str(error)) from error
    if not sizes:
        raise NotExplained("the time was over")
    means = pd.concat(sizes).mean()
    total = float(means.sum()) or 1.0
    found = [
        ShapImportance(features=(str(name),), size=float(mean), share=float(mean) / total)
        for name, mean in means.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.size, one.features))), sum(map(len, sizes))
