"""Figures of walks: means over batches and phases, and differences with their standard errors by batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from perennial.policy.records import Difference

Floats = npt.NDArray[np.float64]


def difference(scores: Floats, others: Floats, *, greater_is_better: bool) -> Difference:
    """Return how much better a policy scores than another, on average over the batches.

    Parameters
    ----------
    scores, others : arrays of shape (batches,)
        Scores of the policy and of the other one. NaN: the metric is not defined there; the batch is left out.
    greater_is_better : bool
    """
    by_batch = (scores - others) if greater_is_better else (others - scores)
    known = by_batch[np.isfinite(by_batch)]
    if not known.size:
        return Difference(mean=math.nan, standard_error=math.nan)
    error = known.std(ddof=1) / math.sqrt(known.size) if known.size > 1 else math.nan
    return Difference(mean=float(known.mean()), standard_error=float(error))


def mean_by_batch(walks: Sequence[Sequence[float]]) -> Floats:
    """Return each batch's mean over the phases, shape (batches,)."""
    return np.asarray(np.mean(walks, axis=0), dtype=np.float64)


def overall(scores: Sequence[float] | Floats) -> float:
    """Return the mean over the batches on which the metric is defined; NaN if there is none."""
    known = np.asarray(scores, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else math.nan
