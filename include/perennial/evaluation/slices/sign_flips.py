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
    are flipped in every way, for all figures together, and each figure, in units of its standard error, is compared with
    the lowest of all figures under every flip (the single-step maximum statistic of Westfall and Young, 1993; Romano
    and Wolf, 2005). Figures that vary together, such as those of overlapping slices, are corrected for less than as
    many independent ones. It is exact if blocks are independent and their contributions symmetric. The standard error is
    the larger of those by blocks and by pairs of neighbouring blocks, since neighbours are alike if errors last.

    Parameters
    ----------
    contributions : numpy.ndarray of float64, shape (s, b)
        What each of b blocks, in the order of time, contributes to each of s figures; the sum of a row is the figure.
        Time and memory grow with s times 2 to the power of b.

    Returns
    -------
    numpy.ndarray of float64, shape (s,)
        The probability that any of the figures is as clearly below 0 by chance. If p <= a is called 'below 0', then in at
        most a share a of cases without a figure below 0 one is called so. The same contributions give the same values.
    """
    blocks = contributions.shape[1]
    # The first flip changes no sign: what was measured is one of the flips.
    signs = 1.0 - 2.0 * ((np.arange(2**blocks) >> np.arange(blocks)[:, None]) & 1)
    flipped = _in_standard_errors(contributions, signs)
    lowest = np.sort(flipped.min(axis=0))
    return np.asarray(np.searchsorted(lowest, flipped[:, 0] + _ROUNDING, side="right") / len(lowest))


def _in_standard_errors(contributions: Floats, signs: Floats) -> Floats:
    """Return each figure under each flip in units of its standard error, shape (s, f); 0 if nothing contributes."""
    total = contributions @ signs
    squares = (contributions**2).sum(axis=1, keepdims=True)
    blocks, pairs = len(signs), len(signs) // 2
    evens, odds = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    products = (contributions[:, evens] * contributions[:, odds]) @ (signs[evens] * signs[odds])
    variance = np.maximum(_variance(total, squares, blocks), _variance(total, squares + 2 * products, blocks - pairs))
    error = np.sqrt(np.maximum(variance, _ROUNDING * squares))
    return np.divide(total, error, out=np.zeros_like(total), where=error > 0)


def _variance(total: Floats, squares: Floats, pieces: int) -> Floats:
    """Return the variance of a sum of so many pieces, by their sum and the sum of their squares."""
    return np.asarray((squares - total**2 / pieces) * pieces / max(pieces - 1, 1))
