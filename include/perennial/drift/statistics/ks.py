"""The two-sample Kolmogorov-Smirnov test of two arrays."""

from __future__ import annotations

import numpy.typing as npt

from perennial.drift.statistics.ecdf import Distance, Ecdf
from perennial.drift.statistics.floats import as_floats, sorted_values
from perennial.drift.statistics.ks_pvalue import EXACT_ROWS, exact_pvalue, limiting_pvalue
from perennial.errors import DataError
from perennial.record import Record


class KSResult(Record):
    """Result of a two-sample Kolmogorov-Smirnov test."""

    statistic: float
    """D, the largest distance of the two empirical distributions: 0 to 1."""
    pvalue: float
    """Two-sided p: probability of at least this D if both samples come from one distribution."""
    n_reference: int
    """Number of values in the test, without missing ones."""
    n_current: int
    note: str = ""
    """A remark on the figures; empty if there is none."""


def ks_2samp(reference: npt.ArrayLike, current: npt.ArrayLike) -> KSResult:
    """Test whether two samples come from one distribution.

    D is exact, including ties. p is exact up to 10,000 rows in the larger sample, and from the limiting distribution
    beyond. Infinite values are ranked like any number; NaN is left out and counted in the note.

    Parameters
    ----------
    reference : array_like of shape (n,)
        Reference values, such as those of the champion's training rows.
    current : array_like of shape (m,)
        Values to compare with them.

    Raises
    ------
    DataError
        A sample has no value, or is not numeric.

    Examples
    --------
    >>> ks_2samp([1, 2, 3, 4], [3, 4, 5, 6]).statistic
    0.5
    """
    ordered_reference, missing_reference = sorted_values(as_floats(reference, "reference"))
    ordered_current, missing_current = sorted_values(as_floats(current, "current"))
    for name, ordered in (("reference", ordered_reference), ("current", ordered_current)):
        if not ordered.size:
            raise DataError(f"the {name} sample has no value to compare: it is empty or all NaN")
    distance = Ecdf.of(ordered_reference).distance(ordered_current)
    n, m = ordered_reference.size, ordered_current.size
    missing = missing_reference + missing_current
    return KSResult(
        statistic=distance.statistic,
        pvalue=ks_pvalue(distance, n, m),
        n_reference=n,
        n_current=m,
        note=f"NaN left out: {missing_reference} of the reference, {missing_current} of the current" if missing else "",
    )


def ks_pvalue(distance: Distance, n: int, m: int) -> float:
    """Return p of a distance between samples of n and m independent rows: exact for small samples, else limiting."""
    if max(n, m) <= EXACT_ROWS:
        return exact_pvalue(distance.numerator, n, m)
    return limiting_pvalue(distance.statistic, n, m)
