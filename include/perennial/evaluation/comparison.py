"""Compares two models on the same rows: by how much one is better, and how much of that may be noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from perennial.evaluation.blocks import Ints
from perennial.evaluation.bootstrap import Noise, largest_noise
from perennial.evaluation.metrics import answered_rows, score, task_labels
from perennial.evaluation.records import Comparison
from perennial.evaluation.reweighted import Reweighted, reweighted
from perennial.models.predictions import Label, Predictions, join_labels
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER

__all__ = ["Comparison", "compare"]


def compare(
    spec: ModelSpec,
    truth: npt.NDArray[Any],
    candidate: Predictions,
    champion: Predictions,
    times: npt.ArrayLike,
    *,
    entity: npt.ArrayLike | None = None,
    labels: tuple[Label, ...] | None = None,
    metric: str | None = None,
    confidence: float = 0.95,
    weights: npt.NDArray[np.float64] | None = None,
) -> Comparison:
    """Compare two models row by row, with the noise of consecutive blocks of time.

    Both are scored on the same resamples, so that rows which are difficult for both do not add to the noise. Rows of
    one entity may vary together, like rows of one time. If entities are given, the noise is measured by blocks of
    entities too, and the larger noise is used.

    Parameters
    ----------
    spec : ModelSpec
    truth : array of shape (n,)
        The true labels or numbers.
    candidate, champion : Predictions
        The predictions for the same n rows.
    times : array_like of shape (n,)
        Event times, in any order.
    entity : array_like of shape (n,), optional
        The entity of each row. Ignored if the entities make fewer than five blocks: then they are groups of rows, not
        entities.
    labels : tuple of labels, optional
        The task's labels, if there are more than those of the rows and of both models.
    metric : str, optional
        Name of the metric; default: the spec's primary one.
    confidence : float
        Confidence of the interval, between 0 and 1.
    weights : array of shape (n,), optional
        How much each row counts. Default: all count the same.

    Raises
    ------
    SpecError
        There are two labels, and `target.positive` does not name one of them.
    """
    name = metric or spec.evaluation.primary
    if labels is None and spec.task == "classification":
        labels = join_labels(task_labels(truth, candidate), champion.classes)
    pair = (candidate, champion)
    scores = [score(spec, truth, answers, labels=labels, only=name, weights=weights) for answers in pair]
    values = [found.metrics[name] for found in scores]
    reasons = [f"{name} is undefined: {found.undefined[name]}" for found in scores if name in found.undefined]
    sign = -1.0 if name in LOWER_IS_BETTER else 1.0
    noise = Noise(math.nan, math.nan, math.nan, 0, reasons[0] if reasons else "")
    if not reasons:
        rows = [answered_rows(spec, truth, answers, labels, weights) for answers in pair]

        def difference_by(block: Ints) -> Reweighted:
            ours, theirs = (reweighted(name, answered, block) for answered in rows)
            return lambda weights: np.asarray(sign * (ours(weights) - theirs(weights)))

        noise = largest_noise(difference_by, times, entity, confidence=confidence)
    return Comparison(
        metric=name,
        candidate=values[0],
        champion=values[1],
        difference=sign * (values[0] - values[1]),
        standard_error=noise.standard_error,
        low=noise.low,
        high=noise.high,
        confidence=confidence,
        blocks=noise.blocks,
        rows=len(truth),
        reason=noise.reason,
    )
