"""What members of an ensemble weigh, and how they were judged: small, frozen, JSON."""

from __future__ import annotations

from datetime import datetime

from perennial.models.manifest import MeanLoss
from perennial.models.provenance import Provenance
from perennial.record import Figure, Record


class MemberWeight(Record):
    """What a member weighs now."""

    mlflow_run_id: str
    weight: float
    """From 0 to 1."""
    idle_since: datetime | None = None
    """Event time since when it has carried almost no weight; None: it carries some."""


class KeptWeights(Record):
    """The newest weights of a champion's members. One object per ensemble, replaced only over the version that was read."""

    sequence: int
    """Number of the check that set them."""
    as_of: datetime
    """Newest event time that the check looked at."""
    members: tuple[MemberWeight, ...]


class JudgedMember(Record):
    """A member of the ensemble that would serve if the candidate were promoted; its twin was judged."""

    mlflow_run_id: str
    loss: Figure
    """Mean loss of its twin on the holdout; NaN: no row could be reckoned with."""
    weight: float


class JudgedEnsemble(Record):
    """What evaluation found of a candidate together with members of the champion."""

    members: tuple[JudgedMember, ...]
    """Oldest first, the candidate last."""
    loss: MeanLoss
    """Of all together, on the holdout."""


class Assembly(Record):
    """The bundle that is registered where several models serve together."""

    model_uri: str
    """MLflow's URI of the logged model."""
    bundle_digest: str
    provenance: Provenance
    """Of the newest member."""
    members: int
    sentence: str


class WeighedMember(Record):
    """A member as a check judged it."""

    mlflow_run_id: str
    train_end: datetime
    """Newest event time that the served model has learnt from, UTC: what people know it by."""
    loss: Figure
    """Mean loss on the check's matured rows."""
    before: float
    weight: float
    idle_since: datetime | None = None


class Reweighting(Record):
    """The weights of a champion's members, as one check moved them."""

    members: tuple[WeighedMember, ...]
    """Oldest first."""
    loss_before: MeanLoss
    """Of all together on the check's matured rows, with the weights of before."""
    loss: MeanLoss
    """The same with the new weights."""
    expected: MeanLoss | None
    """What was measured on the holdout before the promotion; None: it was not."""
    within_noise: bool
    """With the new weights the loss is no more above the expected one than noise is."""
    sentence: str

    def kept(self, sequence: int, as_of: datetime) -> KeptWeights:
        """Return the weights as they are kept after a check."""
        return KeptWeights(
            sequence=sequence,
            as_of=as_of,
            members=tuple(
                MemberWeight(mlflow_run_id=one.mlflow_run_id, weight=one.weight, idle_since=one.idle_since)
                for one in self.members
            ),
        )
