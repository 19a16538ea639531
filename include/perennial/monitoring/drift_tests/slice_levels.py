"""How a champion did in the spec's slices of its holdout, which is kept with its reference."""

from __future__ import annotations

import pandas as pd

from perennial.data.weights import metric_weights
from perennial.evaluation.judged import Judged
from perennial.evaluation.metrics import task_labels
from perennial.evaluation.slices.watched import SliceLevels, measure_levels
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec


def slice_columns(spec: ModelSpec) -> tuple[str, ...]:
    """Return the columns that the slices need beyond the predictions and the target; none: the spec asks for no slices."""
    if spec.evaluation.slices is None:
        return ()
    more = (spec.watch.drift.entity, spec.weight_column if spec.evaluation.weighted else None)
    return tuple(dict.fromkeys((spec.source.event_time, *spec.evaluation.slices.read, *filter(None, more))))


def levels_on_holdout(
    spec: ModelSpec, holdout: pd.DataFrame, target: str, predictions: Predictions
) -> SliceLevels | None:
    """Measure the champion's twin in the slices of its holdout; None: the rows lack a column, or none is asked for."""
    asked = spec.evaluation.slices
    if asked is None or not set(slice_columns(spec)) <= set(holdout.columns) or target != spec.target.column:
        return None
    return measure_levels(spec, asked, judged_slices(spec, holdout, holdout[target], predictions))


def judged_slices(spec: ModelSpec, rows: pd.DataFrame, target: pd.Series, predictions: Predictions) -> Judged:
    """Return rows and predictions as slices are measured from them."""
    truth = target.to_numpy()
    labels = task_labels(truth, predictions) if spec.task == "classification" else None
    return Judged(rows, truth, (predictions,), labels, metric_weights(spec, rows))
