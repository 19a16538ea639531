"""The groups of training rows that a fit makes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from perennial.errors import TrainingError
from perennial.models.by_group import groups_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perennial.spec import ModelSpec

FEWEST_ROWS = 10
"""Of each label, for a group to be one of its own: of fewer, a rate is hardly known."""
MOST_GROUPS = 50
OTHERS = "other groups"


def training_groups(spec: ModelSpec, rows: pd.DataFrame, labels: NDArray[Any]) -> NDArray[np.object_]:
    """Return the group of each training row, shape (n,); those with too few rows of a label are joined as one.

    Parameters
    ----------
    spec : ModelSpec
        With `model.mitigation`.
    rows : pandas.DataFrame of n rows
    labels : array of shape (n,)
        The target, with two labels.

    Raises
    ------
    TrainingError
        There are fewer than two groups with enough rows, or so many that they are no groups.
    """
    column = str(spec.mitigated_column)
    groups = groups_of(rows[column])
    counts = pd.crosstab(groups, labels)
    if len(counts) > MOST_GROUPS:
        raise TrainingError(
            f"model.mitigation.column: {column!r} has {len(counts):,} different values in the training rows, and at most "
            f"{MOST_GROUPS} groups can be made alike: name a column of groups, such as ages in ranges"
        )
    large = counts.index[(counts >= FEWEST_ROWS).all(axis=1)]
    if len(large) < 2:
        by_label = zip(counts.index, counts.to_numpy(), strict=True)
        found = ", ".join(f"{name}: {', '.join(map(str, of))}" for name, of in by_label)
        raise TrainingError(
            f"model.mitigation.column: {column!r} has fewer than two groups with at least {FEWEST_ROWS} training rows of "
            f"each label (rows by label: {found}): name another column, or widen source.window"
        )
    return np.where(np.isin(groups, large), groups, OTHERS).astype(object)
