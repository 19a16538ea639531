"""Tests many figures at once, by flipping the signs of blocks of rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Sums of the same numbers in another order differ by rounding.
_ROUNDING = 1e-9


def adjusted_p_values(contributions: Floats) -> Floats:
    """Return for each figure how surely it is below 0, corrected for the number of figures.

    If a figure's true value is 0, each block might as well have contributed the opposite. So the signs of whole blocks
    are flipped in every way, for all figures together, and each figure, in units of its blocks' size, is compared with
    the lowest of all figures under every flip (the single-step maximum statistic of Westfall and Young, 1993; Romano
    and Wolf, 2005). Figures that vary together, such as those of overlapping slices, are corrected for less than as
    many independent ones. It is exact if blocks are independent and their contributions symmetric.

    Parameters
    ----------
    contributions : numpy.ndarray of float64, shape (s, b)
        What each of b blocks contributes to each of s figures; the sum of a row is the figure.
        Time and memory grow with s times 2 to the power of b.

    Returns
    -------
    numpy.ndarray of float64, shape (s,)
        The probability that any of the figures is as clearly below 0 by chance. If p <= a is called 'below 0', then in at
        most a share a of cases without a figure below 0 one is called so. The same contributions give the same values.
    """
    blocks = contributions.shape[1]
    # The first flip changes no sign: what was measured is one of the flips.
    signs = np.asarray(1 - 2 * ((np.arange(2**blocks) >> np.arange(blocks)[:, None]) & 1), dtype=np.float64)
    size = np.sqrt((contributions**2).sum(axis=1, keepdims=True))
    flipped = np.divide(contributions, size, out=np.zeros_like(contributions), where=size > 0) @ signs
    lowest = np.sort(flipped.min(axis=0))
    return np.asarray(np.searchsorted(lowest, flipped[:, 0] + _ROUNDING, side="right") / len(lowest))
