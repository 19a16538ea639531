"""Groups of features that tell the same.

If one of two features that tell the same is permuted, the model still has the other, and both seem unimportant. So they are
permuted together. Their association is measured on at most 2,000 rows and 20 categories of each, so that 500 features take seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

TOGETHER = 0.7
"""Association from which on features are in one group."""
_MOST_ROWS, _MOST_CATEGORIES = 2_000, 20

Floats = NDArray[np.float64]


def correlated_groups(frame: pd.DataFrame, texts: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """Return the columns in groups whose mean association is at least 0.7, in the order of the frame.

    Groups are joined by average linkage.

    Parameters
    ----------
    frame : pandas.DataFrame
    texts : sequence of str
        Columns of free text: each is a group of its own.
    """
    names = [name for name in frame.columns if name not in texts]
    # Evenly over the time.
    rows = frame.iloc[:: math.ceil(len(frame) / _MOST_ROWS)] if len(frame) else frame
    bases = [basis_of(rows[name]) for name in names]
    far = np.zeros((len(names), len(names)))
    for i in range(len(names)):
        for j in range(i):
            far[i, j] = far[j, i] = 1 - association(bases[i], bases[j])
    numbers = fcluster(linkage(squareform(far), "average"), 1 - TOGETHER, "distance") if len(names) > 1 else [1]
    group = dict(zip(names, numbers, strict=False))
    groups: dict[object, list[str]] = {}
    for name in frame.columns:
        groups.setdefault(group.get(name, name), []).append(name)
    return [tuple(found) for found in groups.values()]


def association(one: Floats, other: Floats) -> float:
    """Return how surely one of two features tells the other, 0 to 1.

    Of numbers and times it is Spearman's rank correlation without its sign, of categories Cramér's V, and of a number and
    categories the correlation ratio of its ranks: all three are the root mean square of the canonical correlations. What
    chance alone would give is taken off (Bergsma, 2013).

    Parameters
    ----------
    one, other : numpy.ndarray of float64, shape (n, k)
        Bases as `basis_of` returns them.
    """
    rows, most = len(one), min(one.shape[1], other.shape[1])
    chance = one.shape[1] * other.shape[1] / max(rows - 1, 1)
    if not most or chance >= most:
        return 0.0
    shared = float(((one.T @ other) ** 2).sum())
    return math.sqrt(min(1.0, max(0.0, (shared - chance) / (most - chance))))


def basis_of(values: pd.Series) -> Floats:
    """Return a feature as orthonormal columns of mean 0: its ranks, or what tells its frequent categories; none if constant."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        ranks = values.rank().fillna((values.notna().sum() + 1) / 2)
        columns = ranks.to_numpy(dtype=np.float64)[:, None]
    else:
        codes, labels = pd.factorize(values.astype(object), use_na_sentinel=False)
        frequent = np.argsort(-np.bincount(codes, minlength=len(labels)), kind="stable")[:_MOST_CATEGORIES]
        # One of all categories follows from the others.
        columns = (codes[:, None] == frequent[1:][None, :]).astype(np.float64)
    centred = columns - columns.mean(axis=0)
    return np.asarray(np.linalg.qr(centred[:, (np.abs(centred) > 0).any(axis=0)])[0], dtype=np.float64)
