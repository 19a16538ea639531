"""Two-proportion test: whether a share, such as that of missing values, differs in the batch."""

from __future__ import annotations

import math

from scipy.special import ndtr
from scipy.stats import fisher_exact

_FEWEST_EXPECTED = 5


def proportions_pvalue(
    hits_reference: float,
    n_reference: float,
    hits_current: float,
    n_current: float,
    *,
    weights: tuple[float, float] = (1.0, 1.0),
) -> float:
    """Return the two-sided p for two shares: z test, or Fisher's exact test if fewer than 5 hits are expected.

    Parameters
    ----------
    hits_reference, n_reference, hits_current, n_current : float
        Number of rows with the property, and number of all rows.
    weights : tuple of float
        Weights of a row of the reference and of a row of the batch: less than 1 if rows repeat an entity.
    """
    n_a, n_b = max(1, round(n_reference * weights[0])), max(1, round(n_current * weights[1]))
    hits_a, hits_b = min(n_a, round(hits_reference * weights[0])), min(n_b, round(hits_current * weights[1]))
    pooled = (hits_a + hits_b) / (n_a + n_b)
    if pooled in (0, 1):
        return 1.0
    if min(pooled, 1 - pooled) * min(n_a, n_b) < _FEWEST_EXPECTED:
        return float(fisher_exact([[hits_a, n_a - hits_a], [hits_b, n_b - hits_b]]).pvalue)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    return float(2 * ndtr(-abs(hits_a / n_a - hits_b / n_b) / error))
