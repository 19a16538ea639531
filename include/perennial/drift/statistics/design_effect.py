"""Effective sample sizes: rows that repeat an entity carry less information than rows of different entities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from perennial.drift.statistics.floats import Floats

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Clustering:
    """How strongly the rows of a column are correlated within entities.

    Attributes
    ----------
    rows : float
        Mean size of a row's entity: sum of squared sizes over the number of rows. 1: no entity repeats.
    icc : float
        Intraclass correlation, 0 to 1: how similar two rows of an entity are, compared with rows of different ones.
    """

    rows: float = 1.0
    icc: float = 0.0

    def weight(self, icc: float) -> float:
        """Return the weight of a row: 1 over the design effect, Kish's 1 + (rows - 1) icc."""
        return 1 / (1 + max(0.0, self.rows - 1) * icc)


def weights(reference: Clustering, current: Clustering) -> tuple[float, float]:
    """Return the weights of a row of the reference and of a row of the batch.

    The larger of the two correlations is used for both: rows close in time are more similar than a reference over
    months shows, and a false alarm is worse than a late one.
    """
    icc = max(reference.icc, current.icc)
    return reference.weight(icc), current.weight(icc)


def entity_codes(entities: Any) -> Codes:
    """Return the entity of each row as a number; each row without an entity is an entity of its own."""
    codes, known = pd.factorize(pd.Series(entities))
    codes = np.asarray(codes, dtype=np.intp)
    alone = np.flatnonzero(codes < 0)
    codes[alone] = len(known) + np.arange(alone.size)
    return codes


def clustering_of_numbers(values: Floats, entities: Codes) -> Clustering:
    """Estimate the clustering from ranks, so that no outlier decides.

    `values`: without NaN, one for each entity code.
    """
    if values.size < 2:
        return Clustering()
    ranks = rankdata(values)
    sizes, group = _sizes(entities)
    means = np.bincount(group, weights=ranks) / sizes
    between = float((sizes * (means - ranks.mean()) ** 2).sum())
    within = float(((ranks - means[group]) ** 2).sum())
    return _clustering(sizes, between, within)


def clustering_of_labels(labels: Codes, entities: Codes) -> Clustering:
    """Estimate the clustering from which rows share a label; `labels`: the label of each row as a number."""
    if labels.size < 2:
        return Clustering()
    sizes, group = _sizes(entities)
    pairs, alike = np.unique(group * (labels.max() + 1) + labels, return_counts=True)
    shared = float((alike.astype(np.float64) ** 2 / sizes[pairs // (labels.max() + 1)]).sum())
    alone = float((np.bincount(labels).astype(np.float64) ** 2).sum()) / labels.size
    return _clustering(sizes, shared - alone, labels.size - shared)


def _sizes(entities: Codes) -> tuple[npt.NDArray[np.int64], Codes]:
    _, group, sizes = np.unique(entities, return_inverse=True, return_counts=True)
    return sizes.astype(np.int64), group


def _clustering(sizes: npt.NDArray[np.int64], between: float, within: float) -> Clustering:
    """Estimate by one-way analysis of variance from the sums of squares between and within entities."""
    n, groups = int(sizes.sum()), sizes.size
    if groups == n or groups < 2:
        return Clustering()
    rows = float((sizes.astype(np.float64) ** 2).sum()) / n
    typical = (n - rows) / (groups - 1)
    mean_between, mean_within = between / (groups - 1), within / (n - groups)
    spread = mean_between + (typical - 1) * mean_within
    return Clustering(rows, min(1.0, max(0.0, (mean_between - mean_within) / spread)) if spread > 0 else 0.0)
