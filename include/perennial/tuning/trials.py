"""One trial after another: proposed, cross-validated, told."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState
from sqlalchemy.exc import DBAPIError

from perennial.data.folds import Fold, plan_folds
from perennial.errors import PerennialError
from perennial.printable import PrintableLog
from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.training.cross_validation import cross_validate
from perennial.training.features.feature_cache import FeatureCache
from perennial.training.watched_fit import PARTS, EndedEarly
from perennial.tuning.space import Space
from perennial.tuning.trial_queue import REASON, TrialQueue

if TYPE_CHECKING:
    import pandas as pd

    from perennial.spec import ModelSpec
    from perennial.training.records import CrossValidation

log = PrintableLog(__name__)

CHOICE, FOLDS, SPREAD, FIT_SECONDS, PREDICT_SECONDS = "choice", "folds", "spread", "fit_seconds", "predict_seconds"
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Trials:
    """What every trial of a search is scored on.

    Attributes
    ----------
    spec : ModelSpec
        With candidates; its primary metric is the one that is searched for.
    rows : pandas.DataFrame
        Training rows.
    folds : sequence of Fold
    cache : FeatureCache or None
        Where the features are kept that trials have in common.
    """

    spec: ModelSpec
    rows: pd.DataFrame
    folds: Sequence[Fold]
    cache: FeatureCache | None = None

    @classmethod
    def on(cls, spec: ModelSpec, rows: pd.DataFrame) -> Trials:
        """Plan the folds of the training rows.

        Raises
        ------
        DataError
            The rows do not suffice for the folds.
        """
        evaluation = spec.evaluation.model_copy(update={"primary": spec.searched_metric})
        searched = spec.model_copy(update={"evaluation": evaluation})
        return cls(searched, rows, plan_folds(rows, spec), FeatureCache.of(spec))

    def work_off(self, queue: TrialQueue, told: Callable[[], None] = lambda: None) -> int:
        """Take trials from the queue until there are none; return how many.

        Parameters
        ----------
        queue : TrialQueue
        told : callable
            Called after each trial.
        """
        number = 0
        while (taken := queue.take()) is not None:
            place, trial = taken
            with queue.at_work(trial):
                self._run(place, trial)
            number += 1
            told()
        return number

    def _run(self, place: int, trial: Trial) -> None:
        try:
            choice = Space.of(self.spec).suggest(trial)
            trial.set_user_attr(CHOICE, choice.model_dump())
            log.info("trial %d: %s", place, choice.in_words)
            ending = self._ending_early(trial)
            found = cross_validate(choice.applied(self.spec), self.rows, self.folds, cache=self.cache, **ending)
        except UpdateFinishedTrialError:
            log.warning("trial %d was given back meanwhile, since this process was silent for too long", place)
            return
        except (StorageInternalError, DBAPIError):
            raise
        except EndedEarly:
            _tell(trial, TrialState.PRUNED)
            log.info("trial %d: ended early", place)
            return
        # A trial is there to find out what works: whatever an estimator raises is its result.
        except Exception as error:
            trial.set_user_attr(REASON, _reason(error))
            # Samplers take no notice of failed trials, and would propose the same again and again; a pruned one is bad.
            _tell(trial, TrialState.PRUNED)
            log.warning("trial %d failed: %s", place, error)
            return
        metric = self.spec.evaluation.primary
        scores = found.scores[metric]
        for name, value in (
            (FOLDS, scores.folds),
            (SPREAD, None if math.isnan(scores.spread) else scores.spread),
            (FIT_SECONDS, sum(found.fit_seconds)),
            (PREDICT_SECONDS, sum(found.predict_seconds)),
        ):
            trial.set_user_attr(name, value)
        _tell(trial, TrialState.COMPLETE, self._values(found))
        log.info("trial %d: %s %.6g", place, metric, scores.mean)

    def _values(self, found: CrossValidation) -> list[float]:
        score, second = found.scores[self.spec.evaluation.primary].mean, self.spec.search.second
        return [score] if second is None else [score, sum(getattr(found, second))]

    def _ending_early(self, trial: Trial) -> dict[str, Callable[[int, float], None]]:
        """Return what cross-validation calls so that the pruner may end the trial."""
        pruner = self.spec.search.pruner
        if pruner == "none":
            return {}
        scores: list[float] = []
        # Each part of the first fold's rounds is a step, and so is each fold.
        steps = PARTS if pruner == "iterations" else 1

        def in_first_fold(part: int, score: float) -> None:
            trial.report(score, part)
            if trial.should_prune():
                raise EndedEarly

        def after_fold(number: int, score: float) -> None:
            scores.append(score)
            # The mean so far, since folds of other times are harder or easier for all.
            trial.report(sum(scores) / len(scores), number * steps)
            if number < len(self.folds) and trial.should_prune():
                raise EndedEarly

        return {"after_fold": after_fold} | ({"in_first_fold": in_first_fold} if pruner == "iterations" else {})


def directions_of(spec: ModelSpec) -> list[StudyDirection]:
    """Return the directions of a search's objectives."""
    first = StudyDirection.MINIMIZE if spec.searched_metric in LOWER_IS_BETTER else StudyDirection.MAXIMIZE
    return [first, *([StudyDirection.MINIMIZE] if spec.search.second else [])]


def _tell(trial: Trial, state: TrialState, values: Sequence[float] | None = None) -> None:
    trial.study.tell(trial.number, values, state, skip_if_finished=True)


def _reason(error: Exception) -> str:
    """Return what the estimator itself said, in one line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = str(cause) if isinstance(cause, PerennialError) else f"{type(cause).__name__}: {cause}"
    return text.partition("\n")[0][:_LONGEST_REASON]
