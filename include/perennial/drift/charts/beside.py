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
    def fit(cls, columns: Mapping[str, Floats]) -> Beside:
        """Fit to columns of the same length, with NaN for missing values."""
        probabilities = np.linspace(0, 1, _QUANTILES)
        quantiles = {name: _quantiles(values, probabilities) for name, values in columns.items()}
        unexplained = cls(quantiles, np.zeros((len(columns), len(columns))))
        ranks = unexplained._ranks(columns)
        covariance = ranks.T @ ranks / max(1, len(ranks))
        coefficients = np.zeros_like(covariance)
        for column in range(len(columns)):
            others = np.arange(len(columns)) != column
            system = covariance[np.ix_(others, others)] + _RIDGE * np.eye(len(columns) - 1)
            coefficients[others, column] = np.linalg.solve(system, covariance[others, column])
        return cls(quantiles, coefficients)

    def of(self, columns: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return each column's ranks minus their prediction; NaN where it is missing.

        Missing values of the other columns count as average.
        """
        ranks = self._ranks(columns)
        left = ranks - ranks @ self.coefficients
        return {
            name: np.where(np.isnan(columns[name]), np.nan, left[:, place]) for place, name in enumerate(self.quantiles)
        }

    def _ranks(self, columns: Mapping[str, Floats]) -> Floats:
        """Ranks among the reference's values, scaled to mean 0 and standard deviation 1 there; 0 where missing."""
        ranks = np.zeros((next((values.size for values in columns.values()), 0), len(self.quantiles)))
        for place, (name, quantiles) in enumerate(self.quantiles.items()):
            values = columns[name]
            if not quantiles.size:
                continue
            middle = (np.searchsorted(quantiles, values, "left") + np.searchsorted(quantiles, values, "right")) / 2
            ranks[:, place] = np.where(np.isnan(values), 0.0, (middle / quantiles.size - 0.5) * np.sqrt(12))
        return ranks


def _quantiles(values: Floats, probabilities: Floats) -> Floats:
    ordered = np.sort(values[~np.isnan(values)])
    if not ordered.size:
        return ordered
    return ordered[np.round(probabilities * (ordered.size - 1)).astype(np.int64)]
