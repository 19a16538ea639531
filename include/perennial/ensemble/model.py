"""Several models that predict as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from perennial.ensemble.mean import weighted_mean
from perennial.models.model import Model
from perennial.models.predictions import Predictions


@dataclass(frozen=True)
class EnsembleModel:
    """A Model that is the weighted mean of its members.

    Attributes
    ----------
    members : mapping of str to Model
        Name -> member, oldest first; at least one.
    weights : mapping of str to float
        Name -> weight of the member; not negative, not all 0.
    """

    members: Mapping[str, Model]
    weights: Mapping[str, float]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that any of the members reads."""
        return tuple(dict.fromkeys(name for member in self.members.values() for name in member.inputs))

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Return the weighted mean of the members' predictions; see Model. Members with weight 0 are not asked."""
        return self.together({name: self.members[name].predict(frame) for name in self.members if self.weights[name]})

    def answers(self, frame: pd.DataFrame) -> dict[str, Predictions]:
        """Return the predictions of each member alone."""
        return {name: member.predict(frame) for name, member in self.members.items()}

    def together(self, answers: Mapping[str, Predictions]) -> Predictions:
        """Return the weighted mean of the members' own predictions."""
        return weighted_mean(list(answers.values()), [self.weights[name] for name in answers])
