"""Fits the spec's model, in a training and when a training is repeated."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.data.folds import Fold, plan_folds
from perennial.data.labels import training_labels
from perennial.data.values.columns import LARGEST_NUMBER
from perennial.data.weights import training_weights
from perennial.errors import DataError, Interrupted, TrainingError
from perennial.models.boosted import Boosted
from perennial.models.continuing import continue_fit
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.predictions import as_labels
from perennial.models.transform import features_of
from perennial.printable import PrintableLog
from perennial.spec.model import EARLY_STOPPING
from perennial.training.checkpoints.checkpoints import Checkpoints
from perennial.training.checkpoints.parts import cannot_resume
from perennial.training.decision import OutOfFold, decide, responses_of, undecided
from perennial.training.features.feature_cache import FeatureCache, clock, savings_logged
from perennial.training.features.feature_values import odd_values
from perennial.training.features.preparation import Readers
from perennial.training.features.prepared_features import (
    PreparedFeatures,
    apply_preparation,
    kept_features,
    prepare_features,
)
from perennial.training.features.step_faults import failing_step
from perennial.training.imbalance.class_weights import check_labels, weigh_labels
from perennial.training.imbalance.resampling import build_sampler, check_neighbours, resample
from perennial.training.mitigation.groups import training_groups
from perennial.training.mitigation.reweighting import weigh_groups
from perennial.training.pipeline import build_pipeline
from perennial.training.watched_fit import EndedEarly, Watch, can_be_watched, fit_watched

if TYPE_CHECKING:
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)


@dataclass(frozen=True)
class Fit:
    """A model and the rows to fit it on.

    Attributes
    ----------
    spec : ModelSpec
        What the model was built from.
    model : SkopsModel
        Fitted in place.
    rows : pandas.DataFrame
        The training rows.
    inputs : pandas.DataFrame
        The columns that the model reads.
    labels : array of shape (len(inputs),)
        The target.
    weights : array of shape (len(inputs),) or None
        How much each row counts; None: all count the same.
    groups : array of shape (len(inputs),) or None
        The group of each row; None: the fit does not know of groups.
    sampler : sampler of imbalanced-learn or None
        Makes of the prepared rows those that the estimator is fitted on; None: it is fitted on them as they are.
    folds : tuple of Fold
        Folds of the rows, to choose calibration and threshold on; empty: the model has neither.
    stopping : Fold or None
        The last fold by time, on which a booster's number of rounds is found; None: the spec states it.
    continues : bool
        The model is fitted already, and learns these rows in addition; its preparation stays as it is.
    tested : pandas.DataFrame or None
        The columns that the model reads, of rows that it will be tested on; None: the model is made to be kept.
    cache : FeatureCache or None
        Where features are kept that fits have in common.
    level : int
        Of the log's messages about a fit without trouble.
    """

    spec: ModelSpec
    model: SkopsModel
    rows: pd.DataFrame
    inputs: pd.DataFrame
    labels: npt.NDArray[Any]
    weights: npt.NDArray[np.float64] | None = None
    groups: npt.NDArray[np.object_] | None = None
    sampler: Any | None = None
    folds: tuple[Fold, ...] = ()
    stopping: Fold | None = None
    continues: bool = False
    tested: pd.DataFrame | None = None
    cache: FeatureCache | None = None
    level: int = logging.INFO

    @cached_property
    def features(self) -> PreparedFeatures:
        """The rows as the estimator reads them. With tested rows, the cache is asked; without, the preparation is fitted.

        What resamples reads the fitted preparation, too. A model that continues keeps the one that it has.
        """
        if self.continues:
            return apply_preparation(self.spec, self.model.pipeline, self.inputs)
        of = (self.spec, self.model.pipeline, self.inputs, self.labels)
        if self.cache is None or self.tested is None or self.sampler is not None:
            return prepare_features(*of, self.tested)
        return kept_features(self.cache, Readers.of(self.model.pipeline[-1]), *of, self.tested)

    @property
    def name(self) -> str:
        """Import path of the estimator, for messages."""
        return self.spec.model.estimator

    def run(self, checkpoints: Checkpoints | None = None, watch: Watch | None = None) -> float:
        """Fit the model; return the seconds that it took, or would have without the cache, less those for tested rows.

        Parameters
        ----------
        checkpoints : Checkpoints or None
            Where what an estimator has learnt so far is stored, and found again; None: nowhere.
        watch : callable or None
            Looks at a booster that grows, in a fit without checkpoints; no other estimator can be looked at.

        Raises
        ------
        TrainingError
            The estimator or a step of the spec fails; or a step loses or reorders rows, or makes other columns of
            other rows.
        Interrupted
            SIGTERM came, and the fit's last checkpoint is stored.
        EndedEarly
            The watch ended the fit.
        """
        log.log(self.level, "fitting %s on %d rows x %d columns", self.name, *self.inputs.shape)
        started = clock(self.cache)
        try:
            with warnings.catch_warnings(record=True) as said, savings_logged(self.cache, self.level):
                warnings.simplefilter("always")
                # Without random_state, which 1.11 will drop, it gives other features in each fit.
                warnings.filterwarnings("ignore", "`TargetEncoder.shuffle` and `TargetEncoder.random_state`")
                self._fit(checkpoints, watch)
        except (TrainingError, Interrupted, EndedEarly):
            raise
        except Exception as error:
            fault = failing_step(self.spec, self.model.pipeline, self.inputs, self.labels)
            raise TrainingError(
                fault or f"{self.name} failed in fit on {len(self.labels)} rows: {type(error).__name__}: {error}"
            ) from error
        seconds = clock(self.cache) - started - self.features.transform_s
        for message in dict.fromkeys(str(warning.message) for warning in said):
            log.warning("%s: %s", self.name, message)
        log.log(self.level, "fitted in %.1f s", seconds)
        return seconds

    def _fit(self, checkpoints: Checkpoints | None, watch: Watch | None) -> None:
        pipeline = self.model.pipeline
        if self.continues:
            prepared = self.features.take_learnt()
            update = self.spec.model.update
            assert update is not None  # noqa: S101 - the spec says how a model continues
            continue_fit(pipeline[-1], prepared, self.labels, self.weights, update.iterations)
            return
        if cannot_resume(pipeline[-1]):
            checkpoints = None
        kept = checkpoints.find() if checkpoints is not None else None
        if self.stopping is not None:
            if kept is None:
                rounds = self._stop_early(self.stopping)
            else:
                rounds = kept.asked
                pipeline[-1].ask(rounds)
            log.log(self.level, "the loss on the last fold by time is lowest after %d rounds", rounds)
        prepared, labels, weights = self._prepared()
        if self.spec.model.is_reduced:
            pipeline.steps[-1] = ("estimator", self._reduced(prepared))
        elif checkpoints is not None:
            checkpoints.train(pipeline[-1], kept, prepared, labels, weights)
        elif watch is not None and can_be_watched(pipeline[-1]):
            fit_watched(pipeline[-1], watch, prepared, labels, weights)
        else:
            pipeline[-1].fit(prepared, labels, **({} if weights is None else {"sample_weight": weights}))
        if self.folds:
            pipeline.steps[-1] = ("estimator", decide(self.spec, pipeline[-1], self._out_of_fold()))

    def _reduced(self, prepared: Any) -> Any:
        from perennial.training.mitigation.reductions import fit_reduced

        assert self.groups is not None  # noqa: S101 - made with the fit
        return fit_reduced(self.spec, self.model.pipeline[-1], prepared, self.labels, self.groups)

    def _prepared(self) -> tuple[Any, npt.NDArray[Any], npt.NDArray[np.float64] | None]:
        """Fit the preparation; return what the estimator is fitted on: prepared rows, their labels and weights."""
        prepared = self.features.take_learnt()
        if self.sampler is None:
            return prepared, self.labels, self.weights
        return (*resample(self.sampler, self.model.pipeline[:-1], prepared, self.labels), None)

    def _stop_early(self, fold: Fold) -> int:
        """Set how many rounds are best for the rows of a fold, fitted on the rows before it, and return the number."""
        before = self._on(fold)
        rows = before._prepared()
        tested = before.features.tested
        weights = None if self.weights is None else self.weights[fold.test]
        patience = self.spec.model.params[EARLY_STOPPING]
        rounds: int = self.model.pipeline[-1].stop_early(rows, (tested, self.labels[fold.test], weights), patience)
        return rounds

    def _out_of_fold(self) -> OutOfFold:
        """Fit the models of the folds, and return what they say of the rows that they have not learnt from."""
        responses = []
        for fold in self.folds:
            log.log(self.level, "fold %d of %d, for calibration and threshold", fold.number, len(self.folds))
            fit = self._on(fold)
            fit.run()
            known = fit.model.pipeline[-1].classes_
            if list(known) != list(self.model.pipeline[-1].classes_):
                raise TrainingError(
                    f"fold {fold.number} of {len(self.folds)} is fitted on the labels {list(as_labels(known))} only, and "
                    "calibration and threshold need all of them in every fold: take fewer folds, or widen source.window"
                )
            responses.append(responses_of(self.spec, fit.model.pipeline[-1], fit.features.tested))
        rows = np.concatenate([fold.test for fold in self.folds])
        return OutOfFold(self.rows.iloc[rows], self.labels[rows], np.concatenate(responses))

    def _on(self, fold: Fold) -> Fit:
        """Return the fit of the model, without calibration and threshold, on the rows that a fold trains on."""
        rows, tested = self.rows.iloc[fold.train], self.rows.iloc[fold.test]
        return prepare_fit(undecided(self.spec), rows, tested=tested, cache=self.cache, level=logging.DEBUG)


def prepare_fit(
    spec: ModelSpec,
    rows: pd.DataFrame,
    *,
    start: SkopsModel | None = None,
    tested: pd.DataFrame | None = None,
    cache: FeatureCache | None = None,
    level: int = logging.INFO,
) -> Fit:
    """Build the spec's model, or take a fitted one that is to learn more, and make sure that it can be fitted on the training rows.

    Parameters
    ----------
    spec : ModelSpec
    rows : pandas.DataFrame
        With the spec's `training_columns`, each row labelled.
    start : SkopsModel or None
        A fitted model of the spec, which the fit changes in place; None: the fit begins anew.
    tested : pandas.DataFrame, optional
        Rows that the model is made for, as that of a fold is: it is of no use for others.
    cache : FeatureCache, optional
        For the features of both.
    level : int
        Of the log's messages about what is found.

    Raises
    ------
    TrainingError
        The model cannot be built; too few rows, a single class, a feature without a value to train on, or a row without
        a weight; groups that cannot be made alike; labels that weights, costs, sampler or threshold do not fit; or no
        folds to choose a threshold on.
    """
    model = SkopsModel(build_pipeline(spec))
    if start is not None:
        model = _with_settings(start, model)
    inputs = rows[list(spec.features.input_columns)]
    labels = training_labels(rows, spec)
    _check_features(spec, inputs, level)
    check_labels(spec, labels)
    weights, by_label = training_weights(spec, rows), weigh_labels(spec, labels)
    if by_label is not None:
        weights = by_label if weights is None else weights * by_label
    groups = None if spec.model.mitigation is None else training_groups(spec, rows, labels)
    if groups is not None and spec.model.weighs_groups and not spec.model.is_reduced:
        by_group = weigh_groups(groups, labels, weights)
        weights = by_group if weights is None else weights * by_group
    sampler = build_sampler(spec)
    if sampler is not None:
        check_neighbours(sampler, labels)
    return Fit(
        spec,
        model,
        rows,
        inputs,
        labels,
        weights,
        groups,
        sampler,
        _plan_folds(spec, rows),
        _last_fold(model, spec, rows),
        start is not None,
        None if tested is None else tested[list(spec.features.input_columns)],
        cache,
        level,
    )


def _with_settings(start: SkopsModel, built: SkopsModel) -> SkopsModel:
    """Return a fitted model whose booster, if it is one, has the spec's settings: its file holds only what was learnt."""
    if isinstance(start.pipeline[-1], Boosted):
        start.pipeline[-1].estimator = built.pipeline[-1].estimator
    return start


def _plan_folds(spec: ModelSpec, rows: pd.DataFrame) -> tuple[Fold, ...]:
    if not spec.model.learns_from_folds:
        return ()
    try:
        return plan_folds(rows, spec)
    except DataError as error:
        raise TrainingError(f"calibration and threshold are chosen on folds of the training rows: {error}") from error


def _last_fold(model: SkopsModel, spec: ModelSpec, rows: pd.DataFrame) -> Fold | None:
    if not (spec.model.stops_early and isinstance(model.pipeline[-1], Boosted)):
        return None
    by_time = spec if spec.folds.kind == "time" else spec.model_copy(update={"cross_validation": None})
    try:
        return plan_folds(rows, by_time)[-1]
    except DataError as error:
        raise TrainingError(f"early stopping needs a fold by time of the training rows: {error}") from error


def _check_features(spec: ModelSpec, inputs: pd.DataFrame, level: int) -> None:
    """Raise TrainingError if a feature has no value, and log how many values count as missing or are bounded."""
    for name, odd in odd_values(spec, features_of(spec, inputs)).items():
        if odd.missing or odd.infinite:
            said = "feature %s: %d values missing, %d infinite and taken as missing"
            log.log(level, said, name, odd.missing, odd.infinite)
        if odd.too_large:
            log.warning("feature %s: %d values beyond %.2g are taken as that", name, odd.too_large, LARGEST_NUMBER)
