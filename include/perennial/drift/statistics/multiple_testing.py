"""Multiple tests: control the share of false discoveries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def benjamini_hochberg(pvalues: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return adjusted p-values: of those under a level, at most that share is false on average.

    If nothing differs at all, the probability of any discovery is at most the level, for any number of tests (Benjamini
    and Hochberg 1995; the tests may be positively dependent).

    Parameters
    ----------
    pvalues : array_like of shape (n,)
        p-values of all tests, including those that found nothing.
    """
    raw = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(raw)
    scaled = raw[order] * raw.size / np.arange(1, raw.size + 1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted
