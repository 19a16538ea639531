"""The estimator that is trained."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.candidates import CandidateEstimator
from perennial.spec.imbalance import Imbalance, Weights
from perennial.spec.patterns import CLASS_PATH
from perennial.spec.section import Section, Text, Whole

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
    ensemble: Ensemble | None = None
    """None: one model serves."""
    weights: Weights | None = None
    """None: each row counts the same in the fit."""
    imbalance: Imbalance = Imbalance()
    """What is done about labels that are rare, or whose confusion is costly."""
    calibration: Literal["isotonic", "sigmoid"] | None = None
    """How probabilities are corrected, by predictions for training rows by models of the other folds."""
    trusted_types: tuple[Text, ...] = ()
    """Types that a saved model may contain, in addition to Perennial's reviewed list; names as in skops."""

    @property
    def learns_from_folds(self) -> bool:
        """Whether a fit needs predictions for its rows by models that have not learnt from them."""
        return self.calibration is not None or self.imbalance.threshold is not None

    @property
    def stops_early(self) -> bool:
        """Whether the number of rounds of a boosting library is found on the last fold by time."""
        return EARLY_STOPPING in self.params

    @property
    def weighs_rows(self) -> bool:
        """Whether the estimator's fit is given weights of rows."""
        return self.weights is not None or self.imbalance.class_weights is not None

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
