"""The weights of the members of an ensemble. Pure: losses in, weights out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float64]
"""One number from 0 to 1 for each member; their sum is 1."""
IDLE_WEIGHT = 0.01
"""A member with less than this has almost no effect."""


def performance_weights(losses: npt.ArrayLike, exponent: float = 8) -> Weights:
    """Weigh members by their losses on the same newest rows: (best loss / loss) ** exponent, normalised.

    The idea of accuracy-updated ensembles (Brzezinski and Stefanowski 2014), which weigh by the inverse of the loss. A
    ratio to a high power does not depend on the scale of the loss, and gives clearly worse members next to no weight.

    Parameters
    ----------
    losses : array_like of shape (n,), n > 0
        The mean loss of each member, 0 or more. Members with a loss of 0 share all weight among them.
        NaN: the loss could not be measured, such as that of a member that was fitted on all rows there are; it weighs
        as much as the best of the measured members. Infinite: weight 0. If no loss was measured, or all are infinite,
        all members weigh the same.
    exponent : float
        0 gives the plain mean; the greater it is, the more weight the best member has.

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    ValueError
        There are no members, a loss is negative, or the exponent is.
    """
    measured = np.asarray(losses, dtype=np.float64)
    if measured.ndim != 1 or not measured.size:
        raise ValueError(f"the losses should be one number for each of one or more members, not {losses!r}")
    if (measured < 0).any() or not exponent >= 0:
        raise ValueError(f"losses and exponent must not be negative: losses={losses!r}, {exponent=}")
    known = measured[np.isfinite(measured)]
    if not known.size:
        # No finite loss to compare with: only members with an infinite loss differ from those that were not measured.
        some_unmeasured = np.isnan(measured).any()
        return normalised(np.isnan(measured) if some_unmeasured else np.ones(measured.size))
    best = known.min()
    ratios = np.ones(measured.size)
    worse = measured > best
    ratios[worse] = best / measured[worse]
    return normalised(ratios**exponent)


def step_towards(old: npt.ArrayLike, new: npt.ArrayLike, most: float = 0.5) -> Weights:
    """Move weights towards new ones, by at most a share of all weight at once.

    Parameters
    ----------
    old, new : array_like of shape (n,)
        Weights of the same members.
    most : float
        The share, above 0 and up to 1, that may pass from some members to others: half the sum of the absolute
        differences. So one noisy month never decides alone.

    Returns
    -------
    array of shape (n,)
        `new` if it is near enough; else the point at that distance on the straight line to it.

    Raises
    ------
    ValueError
        The weights are not of the same members, or `most` is not above 0 and up to 1.
    """
    start, goal = normalised(old), normalised(new)
    if start.shape != goal.shape or not 0 < most <= 1:
        raise ValueError(f"cannot step from {old!r} to {new!r} by at most {most!r} of the weight")
    moved = np.abs(goal - start).sum() / 2
    return goal if moved <= most else normalised(start + (goal - start) * (most / moved))


def normalised(weights: npt.ArrayLike) -> Weights:
    """Return weights that sum to 1.

    Raises
    ------
    ValueError
        A weight is negative or not finite, or all are 0.
    """
    given = np.asarray(weights, dtype=np.float64)
    if given.ndim != 1 or not given.size or not np.isfinite(given).all() or (given < 0).any() or not given.any():
        raise ValueError(f"weights should be finite, none negative, and not all 0: {weights!r}")
    # Divided by the greatest first: the sum of tiny or huge numbers could be 0 or infinite.
    scaled = given / given.max()
    return np.asarray(scaled / scaled.sum())
