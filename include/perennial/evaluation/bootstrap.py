"""The noise of a figure: how far it may be from its value on other rows like these, measured by blocks of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.stats

from perennial.evaluation.blocks import Ints, blocks_of_entities, blocks_of_time
from perennial.evaluation.reweighted import Floats, Reweighted

RESAMPLES = 1000
FEWEST_BLOCKS = 5
"""With fewer, the noise is hardly known at all: the interval by two blocks is six times as wide as that by ten."""
_MOST_UNDEFINED = 0.1


@dataclass(frozen=True)
class Noise:
    """A figure's standard error and interval; NaN if they are not known, with the reason in `reason`.

    Attributes
    ----------
    standard_error, low, high : float
        In the figure's unit.
    blocks : int
        Number of blocks that it was measured by.
    reason : str
        Why the noise is not known; empty if it is.
    """

    standard_error: float
    low: float
    high: float
    blocks: int
    reason: str = ""


def measure_noise(figure: Reweighted, blocks: int, *, confidence: float) -> Noise:
    """Measure how a figure varies if the blocks are drawn with replacement a thousand times.

    The standard error is that of the resamples, times the root of b / (b - 1), since resamples of few blocks vary too
    little. The width of the interval follows from Student's t with b - 1 degrees of freedom. If errors last so long
    that neighbouring blocks are alike, this interval is too narrow: if the interval by pairs of neighbouring blocks is
    wider, it is used instead.

    Parameters
    ----------
    figure : Reweighted
        A figure as a function of the blocks' weights, such as a metric, or the difference of two models' metrics.
    blocks : int
    confidence : float
        Share of such intervals that contain the figure's true value.
    """
    if blocks < FEWEST_BLOCKS:
        return _unknown(blocks, f"the rows make {blocks} blocks of time, and {FEWEST_BLOCKS} are needed")
    errors, reaches = [], []
    for pieces in (np.arange(blocks), np.arange(blocks) // 2):
        drawn = int(pieces[-1]) + 1
        values = figure(resampled_weights(drawn)[:, pieces])
        defined = values[np.isfinite(values)]
        if len(defined) < (1 - _MOST_UNDEFINED) * len(values):
            return _unknown(blocks, f"it is not defined on {1 - len(defined) / len(values):.0%} of the resamples")
        errors.append(float(defined.std()) * math.sqrt(drawn / (drawn - 1)))
        reaches.append(errors[-1] * float(scipy.stats.t.ppf((1 + confidence) / 2, drawn - 1)))
    value, reach = float(figure(np.ones((1, blocks)))[0]), max(reaches)
    return Noise(errors[0], value - reach, value + reach, blocks)


def largest_noise(
    figure_by: Callable[[Ints], Reweighted], times: npt.ArrayLike, entity: npt.ArrayLike | None, *, confidence: float
) -> Noise:
    """Measure the noise by blocks of time, and by blocks of entities if there are any; return the larger one.

    Parameters
    ----------
    figure_by : callable
        Each row's block, shape (n,), from 0 -> the figure as a function of these blocks' weights.
    times : array_like of shape (n,)
        Event times.
    entity : array_like of shape (n,), optional
        The entity of each row. Ignored if the entities make fewer than five blocks: then they are groups of rows, not
        units that repeat.
    confidence : float
        See `measure_noise`.
    """
    cuts = [blocks_of_time(times)]
    if entity is not None:
        entities = blocks_of_entities(entity, times)
        cuts += [entities] if entities.max() + 1 >= FEWEST_BLOCKS else []
    found = [measure_noise(figure_by(cut), int(cut.max()) + 1, confidence=confidence) for cut in cuts]
    # A noise that is not known counts as the largest.
    return max(found, key=lambda noise: math.inf if noise.reason else noise.standard_error)


def resampled_weights(blocks: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """Draw as many blocks as there are, with replacement, `resamples` times (Efron, 1979).

    Returns
    -------
    numpy.ndarray of float64, shape (resamples, blocks)
        How often each block was drawn. The same seed gives the same array.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples).astype(np.float64)


def _unknown(blocks: int, reason: str) -> Noise:
    return Noise(math.nan, math.nan, math.nan, blocks, reason)
