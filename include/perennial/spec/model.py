"""The estimator that is trained."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from perennial.spec.patterns import CLASS_PATH
from perennial.spec.section import Section, Text, Whole


class Ensemble(Section):
    """Past champions serve on, together with the newest."""

    members: Whole = Field(ge=2, le=12)
    """Most models that serve together: the newest promoted ones. Memory, files and the time of an answer grow with them."""


class Model(Section):
    """A scikit-learn compatible estimator, named by import path."""

    estimator: str = Field(pattern=CLASS_PATH)
    """Such as `sklearn.linear_model.LogisticRegression`."""
    params: dict[str, Any] = {}
    """Arguments of its constructor."""
    seed: Whole = Field(default=0, ge=0, lt=2**32)
    """Given to the estimator as `random_state` where it takes one."""
    refit: bool = True
    """After the verdict the model is fitted again on all labelled rows of the window, the holdout's among them, and that one
    serves."""
    ensemble: Ensemble | None = None
    """None: one model serves."""
    trusted_types: tuple[Text, ...] = ()
    """Types beyond Perennial's reviewed list that a saved model may contain, as skops names them."""

    @field_validator("params")
    @classmethod
    def _seed_has_its_field(cls, params: dict[str, Any]) -> dict[str, Any]:
        if "random_state" in params:
            raise ValueError("random_state is set by model.seed")
        return params
