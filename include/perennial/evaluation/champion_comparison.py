"""Compares a candidate with the champion on held-out rows that neither was trained on, if there are enough of them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perennial.data.weights import metric_weights
from perennial.evaluation.comparison import Comparison, compare
from perennial.models.predictions import Label, Predictions
from perennial.registry.records import Champion
from perennial.spec import ModelSpec

CONFIDENCE = 0.95
"""Confidence of the interval that is shown if the spec does not ask for proof."""


class Compared(NamedTuple):
    """A comparison on some of the held-out rows."""

    comparison: Comparison
    rows: NDArray[np.bool_]
    """Which of the n held-out rows the models were compared on."""
    notes: tuple[str, ...]
    """Notes for the reader: which rows were left out, or what favours the champion."""


def compare_with(
    champion: Champion,
    spec: ModelSpec,
    rows: pd.DataFrame,
    truth: NDArray[Any],
    candidate: Predictions,
    answers: Predictions,
    *,
    labels: tuple[Label, ...],
) -> Compared:
    """Compare on the rows after the champion's training rows, or on all rows if there are too few after them.

    There are enough if they are at least `gates.min_rows` and the metric of both models is defined on them.

    Parameters
    ----------
    champion : Champion
    spec : ModelSpec
    rows : DataFrame of shape (n, columns)
        The holdout.
    truth : array of shape (n,)
        The target in the holdout.
    candidate, answers : Predictions
        The predictions of the candidate and of the champion.
    labels : tuple of labels
        The task's labels.
    """
    times = rows[spec.source.event_time]
    entity = spec.watch.drift.entity
    groups = rows[entity].to_numpy(dtype=object) if entity in rows else None
    confidence = spec.evaluation.gates.confidence or CONFIDENCE
    moments = times.astype("int64").to_numpy()
    weights = metric_weights(spec, rows)

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
            weights=weights[chosen] if weights is not None else None,
        )

    everything = np.ones(len(rows), dtype=bool)
    if champion.twin_train_end is None:
        return Compared(on(everything), everything, ())
    unseen = (times > champion.twin_train_end).to_numpy()
    seen, left = int((~unseen).sum()), int(unseen.sum())
    if not seen:
        return Compared(on(everything), everything, ())
    which = f"{champion.name} was trained on rows up to {champion.twin_train_end.isoformat()}"
    if left >= spec.evaluation.gates.min_rows:
        found = on(unseen)
        if math.isfinite(found.difference):
            note = f"{which}: {seen:,} of the {len(rows):,} held-out rows are left out of the comparison"
            return Compared(found, unseen, (note,))
    note = (
        f"{which}, among them up to {seen:,} of the {len(rows):,} held-out rows ({seen / len(rows):.0%}), which "
        f"favours it: the {left:,} after them are too few to compare on"
    )
    return Compared(on(everything), everything, (note,))
