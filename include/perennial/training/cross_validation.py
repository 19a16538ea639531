"""Fits the spec's model once for each fold, and scores it on the rows that it was not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from perennial.data.weights import metric_weights
from perennial.errors import TrainingError
from perennial.evaluation.metrics import score
from perennial.models.predictions import Label, distinct_labels
from perennial.training.description import plain_labels
from perennial.training.fit import prepare_fit
from perennial.training.records import CrossValidation, FoldScores

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.folds import Fold
    from perennial.spec import ModelSpec


def cross_validate(
    spec: ModelSpec,
    train: pd.DataFrame,
    folds: Sequence[Fold],
    *,
    after_fold: Callable[[int, float], None] | None = None,
) -> CrossValidation:
    """Fit and score a model for each fold.

    Preparation and estimator are fitted anew on each fold's training rows only.

    Parameters
    ----------
    spec : ModelSpec
    train : pandas.DataFrame
        The rows that the folds were planned for.
    folds : sequence of Fold
    after_fold : callable, optional
        Called with the number of a fold, from 1, and its primary score. Whatever it raises ends the cross-validation.

    Raises
    ------
    TrainingError
        The model cannot be built or fitted, or the primary metric is not defined on a fold.
    SpecError
        There are two labels, and `target.positive` does not name one of them.
    """
    truth = plain_labels(train[spec.target.column])
    labels = distinct_labels(truth) if spec.task == "classification" else None
    primary = spec.evaluation.primary
    metrics: list[dict[str, float]] = []
    seconds: list[float] = []
    for fold in folds:
        try:
            took, scores = _try_fold(spec, train, truth, fold, labels)
        except TrainingError as error:
            raise TrainingError(f"fold {fold.number} of {len(folds)}: {error}") from error
        seconds.append(took)
        metrics.append(scores)
        if after_fold is not None:
            after_fold(fold.number, scores[primary])
    return CrossValidation(
        scores={name: _over_folds([scores[name] for scores in metrics]) for name in metrics[0]},
        fit_seconds=tuple(seconds),
    )


def _try_fold(
    spec: ModelSpec, train: pd.DataFrame, truth: np.ndarray[Any, Any], fold: Fold, labels: tuple[Label, ...] | None
) -> tuple[float, dict[str, float]]:
    fit = prepare_fit(spec, train.iloc[fold.train])
    seconds = fit.run()
    tested = train.iloc[fold.test]
    scores = score(
        spec, truth[fold.test], fit.model.predict(tested), labels=labels, weights=metric_weights(spec, tested)
    )
    primary = spec.evaluation.primary
    if primary in scores.undefined:
        raise TrainingError(
            f"{primary} is not defined on its {len(fold.test)} tested rows, since {scores.undefined[primary]}: take fewer "
            "folds, another kind of cross_validation or another evaluation.primary"
        )
    return seconds, scores.metrics


def _over_folds(scores: list[float]) -> FoldScores:
    spread = float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan
    return FoldScores(folds=tuple(scores), mean=float(np.mean(scores)), spread=spread)
