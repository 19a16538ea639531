"""The result of cross-validation."""

from __future__ import annotations

from perennial.record import Figure, Record


class FoldScores(Record):
    """A metric on each fold. A figure that is not defined is NaN."""

    folds: tuple[Figure, ...]
    """In the order of the folds."""
    mean: Figure
    """NaN if it is not defined on one of the folds."""
    spread: Figure
    """Standard deviation of the folds' scores."""


class CrossValidation(Record):
    """What models of the same settings score on folds that they were not trained on."""

    scores: dict[str, FoldScores]
    """Metric of the task -> its scores."""
    fit_seconds: tuple[float, ...]
    """Seconds to fit each fold's model."""
