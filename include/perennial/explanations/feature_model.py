"""A model as a function of its features."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from perennial.models.bundle import features_of
from perennial.models.formats.skops_format import SkopsModel
from perennial.models.manifest import Manifest
from perennial.models.model import Model
from perennial.models.predictions import Predictions, predict


@dataclass(frozen=True)
class FeatureModel:
    """A Model that is asked with its features, as the user named them, in place of the columns that they are made of.

    Attributes
    ----------
    model : Model
    manifest : Manifest
    """

    model: Model
    manifest: Manifest

    @property
    def by_columns(self) -> bool:
        """Whether the model is asked with columns of the source.

        They are its features, unless a transform makes these: then a single pipeline can be asked without its first
        step, but several models that serve together can not.
        """
        return self.manifest.transform is None or not isinstance(self.model, SkopsModel)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The features that it is asked with; see Model."""
        return self.model.inputs if self.by_columns else tuple(one.name for one in self.manifest.features)

    def features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the features of n rows that have the model's inputs.

        Raises
        ------
        TrainingError
            The transform can no longer be imported, or fails.
        """
        return rows[list(self.model.inputs)] if self.by_columns else features_of(self.manifest, rows)

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Return the predictions for n rows of features; see Model."""
        if not self.by_columns and isinstance(self.model, SkopsModel):
            return predict(self.model.pipeline[1:], frame)
        return self.model.predict(frame)
