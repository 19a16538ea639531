"""The mean loss of a model, and its noise."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from perennial.evaluation.blocks import blocks_of_time
from perennial.models.manifest import MeanLoss


def mean_loss(losses: npt.NDArray[np.float64], times: npt.ArrayLike) -> MeanLoss:
    """Return the mean of losses and its standard error, measured by at most ten consecutive blocks of time.

    Parameters
    ----------
    losses : array of shape (n,)
        Losses of `row_losses`; NaN is left out.
    times : array_like of shape (n,)
        Event times of the rows.
    """
    known = ~np.isnan(losses)
    rows = int(known.sum())
    if not rows:
        return MeanLoss(rows=0, mean=math.nan, standard_error=math.nan)
    blocks = blocks_of_time(np.asarray(times)[known])
    means = np.bincount(blocks, weights=losses[known]) / np.bincount(blocks)
    error = math.nan if len(means) < 2 else float(means.std(ddof=1) / math.sqrt(len(means)))
    return MeanLoss(rows=rows, mean=float(losses[known].mean()), standard_error=error)
