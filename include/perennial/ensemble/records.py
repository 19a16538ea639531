"""The weights of an ensemble's members, and how they were judged, as records."""

from __future__ import annotations

from datetime import datetime

from perennial.models.manifest import FittedRows, MeanLoss
from perennial.models.provenance import Provenance
from perennial.record import Figure, Record


class MemberWeight(Record):
    """The current weight of a member."""

    mlflow_run_id: str
    weight: float
    """Weight, from 0 to 1."""
    idle_since: datetime | None = None
    """Event time since which it has had almost no weight; None: it has some."""


class KeptWeights(Record):
    """The newest weights of a champion's members.

    One object for each ensemble, replaced only if it is still the version that was read.
    """

    sequence: int
    """Number of the check that set them."""
    as_of: datetime
    """Newest event time of the check's rows."""
    members: tuple[MemberWeight, ...]


class JudgedMember(Record):
    """A member of the ensemble that would serve if the candidates were promoted; its twin was judged."""

    mlflow_run_id: str
    loss: Figure
    """Mean loss of its twin on the holdout; NaN: it could not be computed for any row."""
    weight: float


class JudgedEnsemble(Record):
    """The result of evaluating the candidates of all windows together, and with members of the champion."""

    members: tuple[JudgedMember, ...]
    """The members, oldest first, the candidates last."""
    loss: MeanLoss
    """Mean loss of all together, on the holdout."""


class Assembly(Record):
    """The bundle that is registered if several models serve together."""

    model_uri: str
    """MLflow's URI of the logged model."""
    bundle_digest: str
    provenance: Provenance
    """Of the newest member."""
    members: int
    sentence: str


class WeighedMember(Record):
    """The result of a check for one member."""

    mlflow_run_id: str
    served: FittedRows
    """The rows that the served model has learnt from."""
    loss: Figure
    """Mean loss on the check's matured rows."""
    before: float
    weight: float
    idle_since: datetime | None = None


class Reweighting(Record):
    """The change of the weights of a champion's members by one check."""

    members: tuple[WeighedMember, ...]
    """The members, oldest first."""
    loss_before: MeanLoss
    """Mean loss of all together on the check's matured rows, with the weights before the change."""
    loss: MeanLoss
    """Mean loss of all together on the same rows, with the new weights."""
    expected: MeanLoss | None
    """Mean loss on the holdout before the promotion; None: it was not measured."""
    within_noise: bool
    """Whether the loss with the new weights is above the expected one by no more than the noise."""
    sentence: str

    def kept(self, sequence: int, as_of: datetime) -> KeptWeights:
        """Return the weights in the form that is stored after a check."""
        return KeptWeights(
            sequence=sequence,
            as_of=as_of,
            members=tuple(
                MemberWeight(mlflow_run_id=one.mlflow_run_id, weight=one.weight, idle_since=one.idle_since)
                for one in self.members
            ),
        )
