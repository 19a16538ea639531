"""Chi-square test of two samples over few values, with rare values pooled, and the population stability index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from perennial.drift.statistics.floats import Floats
from perennial.drift.statistics.labels import Labels, label_of
from perennial.drift.statistics.proportions import proportions_pvalue

_FEWEST_EXPECTED = 5
_NAMED = 20


@dataclass(frozen=True)
class Comparison:
    """Comparison of two samples over the same values.

    Attributes
    ----------
    cells : tuple of str
        The frequent values. All other values are in one further cell, the last of `reference` and `current`.
    reference, current : numpy.ndarray of float64
        Share of the rows in each cell.
    statistic, pvalue : float
        Pearson's chi-square over the cells that are not empty, and the probability of such a difference.
    effect : float
        Total variation: the share of rows whose value would have to change, 0 to 1.
    psi : float
        Sum of (q - p) ln(q / p) over the cells; an empty one counts as half a row.
    unseen : tuple of str
        Values that the reference does not have, most frequent first, at most 20.
    unseen_rows : int
    """

    cells: tuple[str, ...]
    reference: Floats
    current: Floats
    statistic: float
    pvalue: float
    effect: float
    psi: float
    unseen: tuple[str, ...]
    unseen_rows: int


def compare_labels(
    reference: Labels, current: Labels, *, weights: tuple[float, float] = (1.0, 1.0)
) -> Comparison | None:
    """Test whether two samples have the same shares of values.

    Values of which fewer than 5 are expected in either sample are pooled with those that the reference does not have.
    With a separate cell for the latter, every value seen for the first time would be significant.

    Parameters
    ----------
    reference, current : Labels
        At least one row each.
    weights : tuple of float
        Weight of a row of each sample: less than 1 if rows repeat an entity.

    Returns
    -------
    Comparison or None
        None: every value is rare, so nothing can be compared.
    """
    n, m = reference.n, current.n
    places = reference.positions(current.values)
    seen = places >= 0
    aligned = np.zeros(reference.counts.size)
    np.add.at(aligned, places[seen], current.counts[seen])
    frequent = reference.counts * min(weights[0], m / n * weights[1]) >= _FEWEST_EXPECTED
    if not frequent.any():
        return None
    p, q = _with_rest(reference.counts[frequent] / n), _with_rest(aligned[frequent] / m)
    rows = (n * weights[0], m * weights[1])
    unseen = np.flatnonzero(~seen)
    most = unseen[np.argsort(-current.counts[unseen], kind="stable")][:_NAMED]
    return Comparison(
        cells=tuple(label_of(value) for value in reference.values[frequent].tolist()),
        reference=p,
        current=q,
        statistic=_pearson(p, q, rows),
        pvalue=_pvalue(p, q, rows),
        effect=float(np.abs(p - q).sum() / 2),
        psi=_stability_index(p, q, n, m),
        unseen=tuple(label_of(value) for value in current.values[most].tolist()),
        unseen_rows=int(current.counts[unseen].sum()),
    )


def _with_rest(shares: Floats) -> Floats:
    """Append the cell of all other values; a rest within rounding error counts as 0."""
    rest = 1 - shares.sum()
    return np.append(shares, rest if rest > 1e-9 else 0.0)


def _pvalue(p: Floats, q: Floats, rows: tuple[float, float]) -> float:
    """Return chi-square's p. A last cell that is too small for it is tested exactly, apart from the frequent values."""
    n, m = rows
    rest = proportions_pvalue(p[-1] * n, n, q[-1] * m, m)
    if p.size == 2:
        return rest
    if p[-1] == q[-1] == 0 or (p[-1] * n + q[-1] * m) / (n + m) * min(n, m) >= _FEWEST_EXPECTED:
        return _chi_square_pvalue(p, q, rows)
    share_p, share_q = 1 - p[-1], 1 - q[-1]
    if share_q == 0:
        return rest
    among_frequent = _chi_square_pvalue(p[:-1] / share_p, q[:-1] / share_q, (n * share_p, m * share_q))
    return min(1.0, 2 * min(rest, among_frequent))


def _chi_square_pvalue(p: Floats, q: Floats, rows: tuple[float, float]) -> float:
    cells = int(((p > 0) | (q > 0)).sum())
    return float(chdtrc(cells - 1, _pearson(p, q, rows))) if cells > 1 else 1.0


def _pearson(p: Floats, q: Floats, rows: tuple[float, float]) -> float:
    """Return the sum over both samples of (observed - expected)^2 / expected, with equal expected shares."""
    n, m = rows
    pooled = (p * n + q * m) / (n + m)
    full = pooled > 0
    return float(((p - q)[full] ** 2 / pooled[full]).sum() * n * m / (n + m))


def _stability_index(p: Floats, q: Floats, n: int, m: int) -> float:
    full: npt.NDArray[np.bool_] = (p > 0) | (q > 0)
    p, q = np.maximum(p[full], 0.5 / n), np.maximum(q[full], 0.5 / m)
    return float(((q - p) * np.log(q / p)).sum())
