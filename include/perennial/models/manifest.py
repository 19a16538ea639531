"""What a bundle says about the model that it holds."""

from __future__ import annotations

from typing import Literal

from perennial.data.split_plan import SplitPlan
from perennial.models.provenance import Provenance
from perennial.record import Figure, Record

Label = int | float | str


class Feature(Record):
    """One input of the estimator, as the user named it."""

    name: str
    kind: Literal["numeric", "categorical"]
    made_by: Literal["source", "transform"]
    """A column of the source as it is, or one that the transform makes."""


class Manifest(Record):
    """All that is needed to understand, score, compare, explain and repeat a model, without the spec of today."""

    format: str
    format_version: int
    files: dict[str, str]
    """Name -> hexadecimal SHA-256 of the model's files."""
    task: Literal["classification", "regression"]
    target: str
    labels: tuple[Label, ...]
    """The labels that the model knows, in the order of its probabilities; none for regression."""
    positive: Label | None
    """Which of two labels counts as positive, as the spec said."""
    inputs: dict[str, str]
    """Column of the source -> its type in a snapshot, in the order in which the model reads them."""
    features: tuple[Feature, ...]
    transform: str | None
    """`module:function` that makes the features of the inputs; part of the model."""
    types: tuple[str, ...]
    """Types in the files that a loader must trust. The store has the list that counts: a file vouches for nothing."""
    split: SplitPlan
    recipe: str
    """The fields of the spec that features and fit follow from, as YAML."""
    provenance: Provenance
    baseline_scores: dict[str, Figure]
    """The model's metrics on its holdout when it was trained."""

    def feature_names(self, kind: Literal["numeric", "categorical"]) -> tuple[str, ...]:
        """Return the features of a kind."""
        return tuple(feature.name for feature in self.features if feature.kind == kind)
