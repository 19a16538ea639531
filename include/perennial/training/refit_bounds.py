"""Decides whether a refit may serve instead of the model that was judged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from perennial.evaluation.comparison import compare

if TYPE_CHECKING:
    from perennial.models.predictions import Predictions
    from perennial.spec import ModelSpec


def why_unsound(
    spec: ModelSpec,
    truth: npt.NDArray[Any],
    served: Predictions,
    twin: Predictions,
    times: npt.ArrayLike,
    weights: npt.NDArray[np.float64] | None = None,
) -> str:
    """Compare a refit with its twin on the twin's holdout, and return why it must not serve; '' if it may.

    The refit has learnt from these rows, so it can only look better there than it is. If it is still worse than its
    twin, by more than the noise of blocks of time (the whole 95% interval of the difference), it has failed to learn.
    If the noise is not known, it must not be worse at all.

    Parameters
    ----------
    spec : ModelSpec
    truth : array of shape (n,)
        The true labels or numbers.
    served, twin : Predictions
        The predictions of refit and twin for the same n rows.
    times : array_like of shape (n,)
        Event times of the rows.
    weights : array of shape (n,), optional
        How much each row counts in metrics. Default: all count the same.
    """
    answers = served.ranking if served.ranking is not None else served.values
    if answers.dtype.kind == "f" and not np.isfinite(answers).all():
        return "it predicts values that are not finite"
    found = compare(spec, truth, served, twin, times, weights=weights)
    if not math.isfinite(found.difference):
        return found.reason
    highest = found.difference if math.isnan(found.high) else found.high
    if highest >= 0:
        return ""
    return (
        f"on the held-out rows, from which it has learnt, its {found.metric} is {found.candidate:.4f} and that of the "
        f"model that was judged {found.champion:.4f}, which is worse by more than the noise there"
    )
