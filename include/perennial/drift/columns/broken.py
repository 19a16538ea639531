"""Tells whether a column looks broken rather than drifted: changed by a fault in the source, not in the world."""

from __future__ import annotations

import numpy as np

from perennial.drift.statistics.ecdf import Ecdf
from perennial.drift.statistics.floats import Floats
from perennial.drift.statistics.labels import Labels

# A column that one value fills, and that was not mostly of one value before.
_FILLED, _MOSTLY = 0.99, 0.5
_BEYOND = 0.25
_TIMES_AS_WIDE = 4.0
_TAIL = 0.1


def broken_numbers(reference: Ecdf | Labels, batch: Floats) -> str:
    """Return in words why numbers look broken: one value only, far outside the known range, or in another unit.

    Parameters
    ----------
    reference : Ecdf or Labels
        The champion's values.
    batch : array of float64, shape (m,)
        Values in ascending order, without NaN; at least one.

    Returns
    -------
    str
        Empty if they do not look broken.
    """
    if _commonest(batch) >= _FILLED and _commonest_before(reference) <= _MOSTLY:
        return "one value fills nearly all rows"
    ends = reference.edges if isinstance(reference, Ecdf) else reference.values
    before = reference.quantile(1 - _TAIL) - reference.quantile(_TAIL) if isinstance(reference, Ecdf) else np.ptp(ends)
    # A new season may go slightly beyond the known range: here it must be by more than most of the range's width.
    inside = np.searchsorted(batch, ends[-1] + before, "right") - np.searchsorted(batch, ends[0] - before, "left")
    beyond = 1 - float(inside) / batch.size
    if beyond >= _BEYOND and ends[0] < ends[-1]:
        return f"{beyond:.0%} of the values lie far beyond all that the champion has seen"
    if not isinstance(reference, Ecdf):
        return ""
    now = float(batch[int((1 - _TAIL) * (batch.size - 1))] - batch[int(_TAIL * (batch.size - 1))])
    if not (np.isfinite(before) and np.isfinite(now)) or before <= 0 or now <= 0:
        return ""
    wider = max(now / before, before / now)
    if wider < _TIMES_AS_WIDE:
        return ""
    return f"the values are spread {wider:.3g} times {'wider' if now > before else 'narrower'}: in another unit?"


def broken_labels(reference: Labels, batch: Labels) -> str:
    """Return in words that one value fills a column of labels that had several; empty if not."""
    frozen = batch.counts.max() / batch.n >= _FILLED and _commonest_before(reference) <= _MOSTLY
    return "one value fills nearly all rows" if frozen else ""


def _commonest(ordered: Floats) -> float:
    """Return the share of the most frequent value."""
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return float(np.diff(starts, append=ordered.size).max() / ordered.size)


def _commonest_before(reference: Ecdf | Labels) -> float:
    if isinstance(reference, Labels):
        return float(reference.counts.max() / reference.n)
    return float((reference.upto - reference.below).max() / reference.n)
