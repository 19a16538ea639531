"""The estimator that is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.candidates import CandidateEstimator
from perennial.spec.imbalance import Imbalance, Weights
from perennial.spec.mitigation import Mitigation
from perennial.spec.patterns import CLASS_PATH
from perennial.spec.section import Number, Section, Text, Whole, refuse
from perennial.spec.update import Update

EARLY_STOPPING = "early_stopping_rounds"
"""The parameter of boosting libraries: rounds without a lower loss on tested rows after which no more are made."""


class Ensemble(Section):
    """Past champions serve on, together with the newest."""

    members: Whole = Field(ge=2, le=12)
    """Most models that serve together: the newest promoted ones. Memory, files and the time of an answer grow with them."""


class Model(Section):
    """A scikit-learn compatible estimator, named by import path, or several that compete."""

    estimator: str = Field(default="", pattern=CLASS_PATH)
    """Import path of the class, such as `sklearn.linear_model.LogisticRegression`; either this or `candidates`."""
    params: dict[str, Any] = {}
    """Arguments of its constructor."""
    candidates: tuple[CandidateEstimator, ...] = ()
    """Estimators of which a search chooses the best, with its parameters; see `tuning`."""
    seed: Whole = Field(default=0, ge=0, lt=2**32)
    """Passed to the estimator as `random_state`, if it takes one."""
    refit: bool = True
    """Whether the model is fitted again after the verdict, on all labelled rows of the window including the holdout, and
    promoted in that form."""
    update: Update | None = None
    """None: each retraining begins anew."""
    checkpoint_minutes: Number | None = Field(default=None, gt=0)
    """How often a fit stores what it has learnt so far, to go on from there after an interruption; None: never."""
    ensemble: Ensemble | None = None
    """None: one model serves."""
    weights: Weights | None = None
    """None: each row counts the same in the fit."""
    imbalance: Imbalance = Imbalance()
    """What is done about labels that are rare, or whose confusion is costly."""
    calibration: Literal["isotonic", "sigmoid"] | None = None
    """How probabilities are corrected, by predictions for training rows by models of the other folds."""
    mitigation: Mitigation | None = None
    """None: the fit does not know of groups."""
    trusted_types: tuple[Text, ...] = ()
    """Types that a saved model may contain, in addition to Perennial's reviewed list; names as in skops."""

    @property
    def learns_from_folds(self) -> bool:
        """Whether a fit needs predictions for its rows by models that have not learnt from them."""
        return self.calibration is not None or self.imbalance.threshold is not None or self.has_group_thresholds

    @property
    def has_group_thresholds(self) -> bool:
        """Whether the label that is predicted follows from a threshold for each group."""
        return self.mitigation is not None and self.mitigation.method == "threshold"

    @property
    def is_reduced(self) -> bool:
        """Whether several models are fitted at other costs, so that together they treat groups alike."""
        return self.mitigation is not None and self.mitigation.method == "reductions"

    @property
    def weighs_groups(self) -> bool:
        """Whether rows are weighed by group, in one fit or in several."""
        return self.mitigation is not None and not self.has_group_thresholds

    @property
    def stops_early(self) -> bool:
        """Whether the number of rounds of a boosting library is found on the last fold by time."""
        return EARLY_STOPPING in self.params

    @property
    def weighs_rows(self) -> bool:
        """Whether the estimator's fit is given weights of rows."""
        return self.weights is not None or self.imbalance.class_weights is not None or self.weighs_groups

    @field_validator("params")
    @classmethod
    def _seed_has_its_field(cls, params: dict[str, Any]) -> dict[str, Any]:
        if "random_state" in params:
            raise ValueError("random_state is set by model.seed")
        return params

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if bool(self.estimator) == bool(self.candidates):
            raise ValueError("give either estimator, or candidates to search the best of")
        if self.candidates and self.params:
            raise ValueError("params belong to estimator: each of the candidates has params of its own")
        return self

    @model_validator(mode="after")
    def _can_be_mitigated(self) -> Self:
        complaints = [(path, f"not with model.mitigation: {why}") for path, why in self._not_with_mitigation()]
        if complaints:
            refuse(*complaints)
        return self

    def _not_with_mitigation(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield the path and the reason of each setting that the mitigation cannot go with."""
        if self.mitigation is None:
            return
        if self.weighs_groups and self.imbalance.resampling is not None:
            yield (
                ("imbalance", "resampling"),
                f"rows that a sampler makes have no group, which {self.mitigation.method} need",
            )
        if self.has_group_thresholds:
            if self.imbalance.threshold not in (None, "accuracy", "balanced_accuracy"):
                yield (
                    ("imbalance", "threshold"),
                    "thresholds by group can be chosen for accuracy or balanced_accuracy only",
                )
            if self.ensemble is not None:
                yield ("ensemble",), "models that serve together have one threshold, not one for each group"
        if self.is_reduced:
            yield from self._not_with_reductions()

    def _not_with_reductions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        refused = {
            ("weights",): (self.weights, "reductions weigh the rows themselves"),
            ("imbalance", "class_weights"): (self.imbalance.class_weights, "reductions weigh the rows themselves"),
            ("imbalance", "threshold"): (
                self.imbalance.threshold,
                "another threshold would undo what reductions have made alike",
            ),
            ("calibration",): (self.calibration, "other probabilities would undo what reductions have made alike"),
            ("update",): (self.update, "reductions fit several models, each of them anew"),
            ("checkpoint_minutes",): (
                self.checkpoint_minutes,
                "reductions fit several models, and none of them is stored by itself",
            ),
        }
        for path, (given, why) in refused.items():
            if given is not None:
                yield path, why

    @model_validator(mode="after")
    def _updates_alone(self) -> Self:
        if self.update is not None:
            complaints = [(path, f"not with model.update: {why}") for path, why in self._not_with_update()]
            if complaints:
                refuse(*complaints)
        return self

    def _not_with_update(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield the path and the reason of each setting that an update cannot go with."""
        if self.candidates:
            yield (
                ("candidates",),
                "a search would choose another estimator than the one that is continued: name one estimator",
            )
        if self.ensemble is not None:
            yield (
                ("ensemble",),
                "past champions are parts of the model that continues them: they cannot serve beside it",
            )
        if self.learns_from_folds:
            threshold = ("mitigation",) if self.has_group_thresholds else ("imbalance", "threshold")
            path = ("calibration",) if self.calibration is not None else threshold
            yield path, "is learnt from models of folds, each of which would begin anew"
        if self.imbalance.resampling is not None:
            yield ("imbalance", "resampling"), "a sampler would see the new rows only"
        if self.weights is not None and self.weights.half_life_days is not None:
            yield ("weights", "half_life_days"), "what the champion has learnt already cannot be given less weight"
        if self.stops_early:
            yield (
                ("params",),
                "early_stopping_rounds finds the rounds of a full training; update.iterations states those of an update",
            )
