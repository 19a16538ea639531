"""Fits the spec's model once for each fold, and scores it on the rows that it was not trained on."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from perennial.data.weights import metric_weights
from perennial.errors import TrainingError
from perennial.evaluation.metrics import score
from perennial.evaluation.records import Scores
from perennial.models.by_group import decided_by_group
from perennial.models.predictions import Label, Predictions, concatenated, distinct_labels, predict
from perennial.printable import PrintableLog
from perennial.training.description import plain_labels
from perennial.training.features.feature_cache import FeatureCache, savings_logged
from perennial.training.fit import prepare_fit
from perennial.training.records import CrossValidation, FoldScores

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.folds import Fold, Ints
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)


def cross_validate(
    spec: ModelSpec,
    train: pd.DataFrame,
    folds: Sequence[Fold],
    *,
    cache: FeatureCache | None = None,
    after_fold: Callable[[int, float], None] | None = None,
    in_first_fold: Callable[[int, float], None] | None = None,
) -> CrossValidation:
    """Fit and score a model for each fold.

    Preparation and estimator are fitted anew on each fold's training rows only. Since most metrics say little about one
    row, or are not defined on it, leave-one-out scores the predictions for all rows together.

    Parameters
    ----------
    spec : ModelSpec
    train : pandas.DataFrame
        The rows that the folds were planned for.
    folds : sequence of Fold
    cache : FeatureCache, optional
        Where the features of folds are kept.
    after_fold : callable, optional
        Called with the number of a fold, from 1, and its primary score. Whatever it raises ends the cross-validation. Not
        called by leave-one-out, which has no score of a fold.
    in_first_fold : callable, optional
        Called while the first fold's model is fitted, if it is a booster that can be watched, with the number of each tenth
        of its rounds and its primary score by then. It may raise EndedEarly. Not called by leave-one-out.

    Raises
    ------
    TrainingError
        The model cannot be built or fitted; the primary metric is not defined on a fold; leave-one-out would take longer
        than its limit, by the time of its first fit.
    SpecError
        There are two labels, and `target.positive` does not name one of them.
    """
    tests = _Tests(spec, train, plain_labels(train[spec.target.column]), cache)
    with savings_logged(cache, logging.INFO):
        if spec.folds.kind == "leave_one_out":
            return _leave_one_out(tests, folds)
        return _each(tests, folds, after_fold, in_first_fold)


def _each(
    tests: _Tests,
    folds: Sequence[Fold],
    after_fold: Callable[[int, float], None] | None,
    in_first_fold: Callable[[int, float], None] | None,
) -> CrossValidation:
    tests.check([fold.test for fold in folds])
    metrics: list[dict[str, float]] = []
    answers: list[_Answer] = []
    for fold in folds:
        where = f"fold {fold.number} of {len(folds)}"
        try:
            answers.append(tests.answer(fold, in_first_fold if fold is folds[0] else None))
            metrics.append(tests.score(fold.test, answers[-1].said))
        except TrainingError as error:
            raise TrainingError(f"{where}: {error}") from error
        primary = metrics[-1][tests.primary]
        log.info("%s: %s %.4g, fitted in %.1f s", where, tests.primary, primary, answers[-1].fit_seconds)
        if after_fold is not None:
            after_fold(fold.number, primary)
    _compare_columns(folds, answers)
    return CrossValidation(
        scores={name: _over_folds([scores[name] for scores in metrics]) for name in metrics[0]},
        fit_seconds=tuple(one.fit_seconds for one in answers),
        predict_seconds=tuple(one.predict_seconds for one in answers),
    )


def _leave_one_out(tests: _Tests, folds: Sequence[Fold]) -> CrossValidation:
    tests.check([np.concatenate([fold.test for fold in folds])])
    started = time.monotonic()
    answers = []
    for fold in folds:
        answers.append(tests.answer(fold))
        if len(answers) == 1:
            _check_time(tests.spec, len(folds), time.monotonic() - started)
    _compare_columns(folds, answers)
    together = tests.score(np.concatenate([fold.test for fold in folds]), concatenated([one.said for one in answers]))
    return CrossValidation(
        scores={name: FoldScores(folds=(), mean=figure, spread=math.nan) for name, figure in together.items()},
        fit_seconds=tuple(one.fit_seconds for one in answers),
        predict_seconds=tuple(one.predict_seconds for one in answers),
    )


def _check_time(spec: ModelSpec, rows: int, one_takes_s: float) -> None:
    limit = spec.folds.time_limit_minutes
    minutes = rows * one_takes_s / 60
    if limit is not None and minutes > limit:
        raise TrainingError(
            f"leave-one-out of {rows:,} rows would take about {minutes:.3g} minutes, since the first fit took "
            f"{one_takes_s:.2g} s, and cross_validation.time_limit_minutes is {limit:g}: raise it, or take kind kfold or time"
        )


@dataclass(frozen=True)
class _Answer:
    """A fold's predictions, what they took, and how many columns each of the spec's steps made."""

    said: Predictions
    fit_seconds: float
    predict_seconds: float
    columns: dict[str, int]


@dataclass(frozen=True)
class _Tests:
    """The tests of a spec's model on training rows, whose target is `truth`."""

    spec: ModelSpec
    train: pd.DataFrame
    truth: NDArray[Any]
    cache: FeatureCache | None

    @property
    def primary(self) -> str:
        return self.spec.evaluation.primary

    def answer(self, fold: Fold, told: Callable[[int, float], None] | None = None) -> _Answer:
        """Return the fold's model's predictions for the tested rows; tell its primary score as it grows."""
        learnt, tested = self.train.iloc[fold.train], self.train.iloc[fold.test]
        fit = prepare_fit(self.spec, learnt, tested=tested, cache=self.cache, level=logging.DEBUG)

        def predicted() -> Predictions:
            estimator = fit.model.pipeline[-1]
            return decided_by_group(estimator, predict(estimator, fit.features.tested), tested)

        def watch(part: int) -> None:
            if told is not None:
                told(part, self.score(fold.test, predicted())[self.primary])

        to_fit = fit.run(watch=None if told is None else watch)
        began = time.monotonic()
        said = predicted()
        return _Answer(said, to_fit, fit.features.transform_s + time.monotonic() - began, fit.features.columns)

    def score(self, rows: Ints, said: Predictions) -> dict[str, float]:
        weights = metric_weights(self.spec, self.train.iloc[rows])
        scores = score(self.spec, self.truth[rows], said, labels=self._labels, weights=weights)
        self._require_primary(scores, rows)
        return scores.metrics

    def check(self, tested: Sequence[Ints]) -> None:
        """Raise TrainingError, before any fit, if even the right answers to one of the tests have no primary score."""
        for place, rows in enumerate(tested, start=1):
            try:
                right = score(self.spec, self.truth[rows], self._right(rows), labels=self._labels, only=self.primary)
                self._require_primary(right, rows)
            except TrainingError as error:
                raise TrainingError(f"fold {place} of {len(tested)}: {error}") from error

    @cached_property
    def _labels(self) -> tuple[Label, ...] | None:
        return distinct_labels(self.truth) if self.spec.task == "classification" else None

    def _right(self, rows: Ints) -> Predictions:
        truth, labels = self.truth[rows], self._labels
        if labels is None:
            return Predictions(truth)
        return Predictions(truth, labels, np.equal.outer(truth, np.array(labels, dtype=truth.dtype)).astype(np.float64))

    def _require_primary(self, scores: Scores, rows: Ints) -> None:
        if self.primary in scores.undefined:
            raise TrainingError(
                f"{self.primary} is not defined on its {len(rows):,} tested rows, since "
                f"{scores.undefined[self.primary]}: take fewer folds, another kind of cross_validation or another "
                "evaluation.primary"
            )


def _compare_columns(folds: Sequence[Fold], answers: Sequence[_Answer]) -> None:
    """Say which steps make another number of columns in another fold, which is no error: see docs/features.md."""
    for step in answers[0].columns:
        first = {one.columns[step]: fold.number for fold, one in zip(reversed(folds), reversed(answers), strict=True)}
        if len(first) > 1:
            made = ", ".join(f"{columns} in fold {fold}" for columns, fold in sorted(first.items(), key=lambda n: n[1]))
            log.warning("%s makes another number of columns in another fold: %s", step, made)


def _over_folds(scores: list[float]) -> FoldScores:
    spread = float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan
    return FoldScores(folds=tuple(scores), mean=float(np.mean(scores)), spread=spread)
