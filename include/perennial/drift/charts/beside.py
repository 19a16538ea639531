"""The part of each numeric column that cannot be predicted from the other columns.

Seasons change columns together; a broken feed, a new unit or two swapped columns change one relative to the others. So
a change that is small compared with a column's seasons is large in the part that the other columns do not predict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from perennial.drift.statistics.floats import Floats

_QUANTILES = 501
# Makes the coefficients of columns with the same content alike, so that neither is predicted completely by the other.
_RIDGE = 0.05


@dataclass(frozen=True)
class Beside:
    """Linear predictions of each column's ranks from those of the others (ridge regression), from a reference.

    With ranks the result does not depend on units, nor much on outliers.

    Attributes
    ----------
    quantiles : mapping of str to numpy.ndarray of float64, shape (q,)
        Quantiles of the reference, ascending; shape (0,) for a column without a value.
    coefficients : numpy.ndarray of float64, shape (p, p)
        Coefficient of each column (first axis) in the prediction of each other one (second axis); the diagonal is 0.
    """

    quantiles: Mapping[str, Floats]
    coefficients: Floats

    @classmethod
    def fit(cls, columns: Mapping[str, Floats]) -> tuple[Beside, dict[str, Floats]]:
        """Fit to columns of the same length, with NaN for missing values; return also what `of` gives for them."""
        probabilities = np.linspace(0, 1, _QUANTILES)
        quantiles = {name: _quantiles(values, probabilities) for name, values in columns.items()}
        ranks = _ranks(columns, quantiles)
        covariance = ranks.T @ ranks / max(1, len(ranks))
        coefficients = np.zeros_like(covariance)
        for column in range(len(columns)):
            others = np.arange(len(columns)) != column
            system = covariance[np.ix_(others, others)] + _RIDGE * np.eye(len(columns) - 1)
            coefficients[others, column] = np.linalg.solve(system, covariance[others, column])
        fitted = cls(quantiles, coefficients)
        return fitted, fitted._left(columns, ranks)

    def of(self, columns: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return each column's ranks minus their prediction; NaN where it is missing.

        Missing values of the other columns count as average.
        """
        return self._left(columns, _ranks(columns, self.quantiles))

    def _left(self, columns: Mapping[str, Floats], ranks: Floats) -> dict[str, Floats]:
        left = ranks - ranks @ self.coefficients
        return {
            name: np.where(np.isnan(columns[name]), np.nan, left[:, place]) for place, name in enumerate(self.quantiles)
        }


def _ranks(columns: Mapping[str, Floats], quantiles: Mapping[str, Floats]) -> Floats:
    """Ranks among the reference's values, scaled to mean 0 and standard deviation 1 there; 0 where missing."""
    ranks = np.zeros((next((values.size for values in columns.values()), 0), len(quantiles)))
    for place, (name, points) in enumerate(quantiles.items()):
        if points.size:
            order = np.argsort(columns[name])
            ordered = columns[name][order]
            present = order[: np.searchsorted(ordered, np.nan)]  # NaN sorts after everything.
            ranks[present, place] = (_middle(ordered[: present.size], points) / points.size - 0.5) * np.sqrt(12)
    return ranks


def _middle(ordered: Floats, points: Floats) -> Floats:
    """Return for each value the mean of the numbers of points below it and up to it.

    Points are searched among the values, of which there are many more, so that each search is one of few.
    """
    reached = np.concatenate([np.searchsorted(ordered, points, "left"), np.searchsorted(ordered, points, "right")])
    middle: Floats = np.cumsum(np.bincount(reached, minlength=ordered.size + 1)[: ordered.size]) / 2
    return middle


def _quantiles(values: Floats, probabilities: Floats) -> Floats:
    ordered = np.sort(values[~np.isnan(values)])
    if not ordered.size:
        return ordered
    return ordered[np.round(probabilities * (ordered.size - 1)).astype(np.int64)]
