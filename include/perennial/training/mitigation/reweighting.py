"""Weighs training rows so that label and group are independent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray


def weigh_groups(
    groups: NDArray[np.object_], labels: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return a factor for the weight of each row, by which label and group become independent.

    A row of group g with label y gets P(g) P(y) / P(g, y): 'reweighing' of Kamiran and Calders (2012).

    Parameters
    ----------
    groups, labels : arrays of shape (n,)
    weights : array of shape (n,), optional
        The weights that are multiplied by the factor: the shares are those of weighted rows. Default: all count the same.
    """
    count = np.ones(len(labels)) if weights is None else weights
    group, groups_found = pd.factorize(groups)
    label, labels_found = pd.factorize(labels)
    cell = group * len(labels_found) + label
    of_cell = np.bincount(cell, count, len(groups_found) * len(labels_found))[cell]
    expected = np.bincount(group, count)[group] * np.bincount(label, count)[label] / count.sum()
    # Rows that do not count keep their weight of 0.
    return np.asarray(np.divide(expected, of_cell, out=np.ones(len(labels)), where=of_cell > 0))
