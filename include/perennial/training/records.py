"""The result of cross-validation."""

from __future__ import annotations

from perennial.record import Figure, Record


class FoldScores(Record):
    """A metric on each fold. A figure that is not defined is NaN."""

    folds: tuple[Figure, ...]
    """In the order of the folds; empty for leave-one-out."""
    mean: Figure
    """NaN if the metric is not defined on one of the folds. For leave-one-out the score on all rows together."""
    spread: Figure
    """Standard deviation of the folds' scores; NaN for leave-one-out."""


class CrossValidation(Record):
    """What models of the same settings score on folds that they were not trained on."""

    scores: dict[str, FoldScores]
    """Metric of the task -> its scores."""
    fit_seconds: tuple[float, ...]
    """Seconds to fit each fold's model."""
    predict_seconds: tuple[float, ...]
    """Seconds to predict each fold's tested rows."""
