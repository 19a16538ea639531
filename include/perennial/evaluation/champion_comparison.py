"""A candidate beside the champion on held-out rows that neither has been trained on, where enough of them remain."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perennial.evaluation.comparison import Comparison, compare
from perennial.models.predictions import Label, Predictions
from perennial.registry.records import Champion
from perennial.spec import ModelSpec

CONFIDENCE = 0.95
"""Of the interval that is shown where the spec asks for no proof."""


def compare_with(
    champion: Champion,
    spec: ModelSpec,
    rows: pd.DataFrame,
    truth: NDArray[Any],
    candidate: Predictions,
    answers: Predictions,
    *,
    labels: tuple[Label, ...],
) -> tuple[Comparison, tuple[str, ...]]:
    """Compare on the rows after the champion's training, or on all where too few are after it.

    Enough are `gates.min_rows`, on which both models' metric is defined.

    Parameters
    ----------
    champion : Champion
    spec : ModelSpec
    rows : DataFrame of shape (n, columns)
        The holdout.
    truth : array of shape (n,)
    candidate, answers : Predictions
        The candidate's and the champion's.
    labels : tuple of labels
        The task's.

    Returns
    -------
    Comparison
    tuple of str
        What a reader of it should know: which rows were left out, or what favours the champion.
    """
    times = rows[spec.source.event_time]
    entity = spec.watch.drift.entity
    groups = rows[entity].to_numpy(dtype=object) if entity in rows else None
    confidence = spec.evaluation.gates.confidence or CONFIDENCE
    moments = times.astype("int64").to_numpy()

    def on(chosen: NDArray[np.bool_]) -> Comparison:
        return compare(
            spec,
            truth[chosen],
            candidate.at(chosen),
            answers.at(chosen),
            moments[chosen],
            entity=groups[chosen] if groups is not None else None,
            labels=labels,
            confidence=confidence,
        )

    everything = np.ones(len(rows), dtype=bool)
    if champion.twin_train_end is None:
        return on(everything), ()
    unseen = (times > champion.twin_train_end).to_numpy()
    seen, left = int((~unseen).sum()), int(unseen.sum())
    if not seen:
        return on(everything), ()
    which = f"{champion.name} was trained on rows up to {champion.twin_train_end.isoformat()}"
    if left >= spec.evaluation.gates.min_rows:
        found = on(unseen)
        if math.isfinite(found.difference):
            return found, (f"{which}: {seen:,} of the {len(rows):,} held-out rows are left out of the comparison",)
    return on(everything), (
        f"{which}, among them up to {seen:,} of the {len(rows):,} held-out rows ({seen / len(rows):.0%}), which favours it: "
        f"the {left:,} after them are too few to compare on",
    )
