"""The description of the model in a bundle."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from perennial.data.split_plan import SplitPlan
from perennial.models.provenance import Provenance
from perennial.record import Figure, Record
from perennial.spec.feature_names import FeatureKind
from perennial.spec.features import Features

Label = int | float | str


class Feature(Record):
    """One input of the estimator, by the user's name."""

    name: str
    kind: FeatureKind
    made_by: Literal["source", "transform"]
    """Whether it is a column of the source, or made by the transform."""


def features_in(features: Features) -> tuple[Feature, ...]:
    """Return the features of a spec as a manifest names them, numeric first."""
    made_by: Literal["source", "transform"] = "transform" if features.transform else "source"
    return tuple(
        Feature(name=name, kind=kind, made_by=made_by) for kind, names in features.kinds.items() for name in names
    )


class FittedRows(Record):
    """The labelled rows that a model was fitted on."""

    rows: int
    train_start: datetime
    """Oldest event time among them, UTC."""
    train_end: datetime
    """Newest event time among them, UTC."""


class MeanLoss(Record):
    """The mean loss of a model; see `perennial.models.losses`."""

    rows: int
    mean: Figure
    standard_error: Figure
    """Measured by ten blocks of time; NaN: there are too few different times."""


class ThresholdsByGroup(Record):
    """The probabilities from which a model predicts the positive label."""

    column: str
    """The column of the groups, which the model reads, whether it is a feature or not."""
    at: dict[str, float]
    """Group -> its threshold."""
    otherwise: float
    """That of all other groups."""


class Manifest(Record):
    """All that is needed to understand, score, compare, explain and repeat a model without today's spec.

    A bundle may hold two models of one recipe: the twin, which was judged on rows that it had not seen, and the one
    that serves, refit after the verdict on those rows too. Without a refit they are the same.
    """

    format: str
    format_version: int
    files: dict[str, str]
    """Name -> hexadecimal SHA-256 of the model's files."""
    task: Literal["classification", "regression"]
    target: str
    labels: tuple[Label, ...]
    """The labels that the served model knows, in the order of its probabilities; none for regression."""
    positive: Label | None
    """The label that counts as positive if there are two, by the spec."""
    threshold: float | None = None
    """Probability of the positive label from which the served model predicts it; None: it has no threshold of its own."""
    thresholds: ThresholdsByGroup | None = None
    """Such probabilities by group; None: groups have none of their own."""
    calibration: Literal["isotonic", "sigmoid"] | None = None
    """How its probabilities were corrected; None: they are the estimator's own."""
    inputs: dict[str, str]
    """Column of the source -> its type in a snapshot, in the order in which the model reads them."""
    features: tuple[Feature, ...]
    transform: str | None
    """`module:function` that makes the features from the inputs; part of the model."""
    types: tuple[str, ...]
    """Types in the files that a loader must trust.

    Loaders use the list in the store, since a file cannot vouch for itself.
    """
    split: SplitPlan
    """The rows that the twin was fitted on, and those that it was judged on."""
    refit: FittedRows | None = None
    """The rows that the served model was fitted on; None: there was no refit, and the judged model serves."""
    recipe: str
    """The fields of the spec that determine features and fit, as YAML."""
    provenance: Provenance
    baseline_scores: dict[str, Figure]
    """The twin's metrics on its holdout, measured at training.

    Not the served model's: it may have learnt from those rows.
    """
    members: tuple[Member, ...] = ()
    """The models that serve together, oldest promotion first; empty: the bundle holds one model."""
    expected_loss: MeanLoss | None = None
    """Mean loss of the members' twins together, on the newest member's holdout."""

    @property
    def twin(self) -> FittedRows:
        """The rows that the judged model was fitted on."""
        split = self.split
        return FittedRows(rows=split.train_rows, train_start=split.train_start, train_end=split.train_end)

    @property
    def served(self) -> FittedRows:
        """The rows that the model which serves was fitted on."""
        return self.refit or self.twin


class Member(Record):
    """One of several models that serve together."""

    mlflow_run_id: str
    """The MLflow run that trained it."""
    weight: float
    """Weight at the promotion, from 0 to 1."""
    idle_since: datetime | None = None
    """Event time since which it has had almost no weight; None: it has some."""
    manifest: Manifest
    """Its own manifest, with the digests of its files."""


Manifest.model_rebuild()
