"""Loads the champion that a candidate is compared with from its bundle, or says why it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perennial.ensemble.composition import members_of
from perennial.ensemble.model import EnsembleModel
from perennial.errors import BundleChanged, TrackingError, TrackingUnavailable, TrainingError
from perennial.models.transform import source_digest
from perennial.registry.bundles import load_champion, load_foreign, recorded_manifest

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.snapshots.records import Snapshot
    from perennial.models.manifest import Manifest, Member
    from perennial.models.model import Model
    from perennial.models.predictions import Predictions
    from perennial.models.provenance import Provenance
    from perennial.registry.records import Champion
    from perennial.run import RetrainingRun


@dataclass(frozen=True)
class Rival:
    """The champion that a candidate is compared with.

    Attributes
    ----------
    model : Model or None
        The champion's judged model; None: it cannot be scored on the candidate's rows, and the notes say why.
    provenance : Provenance or None
        Where it comes from; None: Perennial did not train it.
    notes : tuple of str
        What a reader of the comparison should know.
    members : tuple of Member
        The members that can be read if several serve together, else the one model; empty if Perennial did not train it.
    """

    model: Model | None = None
    provenance: Provenance | None = None
    notes: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that the model reads."""
        return self.model.inputs if self.model is not None else ()

    def answers(self, rows: pd.DataFrame) -> dict[str, Predictions]:
        """Return MLflow run of each member -> predictions of this member alone."""
        if isinstance(self.model, EnsembleModel):
            return self.model.answers(rows)
        return {member.mlflow_run_id: self.model.predict(rows) for member in self.members if self.model is not None}


def find_rival(run: RetrainingRun, champion: Champion, snapshot: Snapshot) -> Rival:
    """Return the champion, loaded if it can predict for the rows of a snapshot.

    Raises
    ------
    BundleChanged
        Its files are not those that were trained, so the retraining must not go on.
    TrackingUnavailable
        MLflow does not answer.
    """
    if champion.is_foreign:
        return _foreign(run, champion, snapshot)
    manifest = recorded_manifest(run, champion)
    unlike = _unlike(run, manifest, champion) or _lacking(manifest.inputs, snapshot, champion)
    if unlike is not None:
        return Rival(provenance=manifest.provenance, notes=(unlike,))
    try:
        bundle = load_champion(run, champion)
        changed = _changed_transform(manifest, champion)
    except (BundleChanged, TrackingUnavailable):
        raise
    except TrainingError as error:
        return Rival(provenance=manifest.provenance, notes=(f"{champion.name} cannot be loaded: {error}",))
    # The twin, not the refit, which has learnt from newer rows than a candidate may: so both are judged in the same
    # way.
    members = members_of(manifest, champion.mlflow_run_id)
    if isinstance(bundle.twin, EnsembleModel):
        members = tuple(member for member in members if member.mlflow_run_id in bundle.twin.members)
    return Rival(bundle.twin, manifest.provenance, (*changed, *bundle.left_out), members)


def _foreign(run: RetrainingRun, champion: Champion, snapshot: Snapshot) -> Rival:
    who = f"{champion.name} was not trained by Perennial with this store"
    try:
        model = load_foreign(run, champion)
    except TrackingUnavailable:
        raise
    except (TrackingError, TrainingError) as error:
        return Rival(notes=(f"{who}, and cannot be loaded: {error}",))
    lacking = _lacking({name: "" for name in model.inputs}, snapshot, champion)
    return Rival(notes=(lacking,)) if lacking is not None else Rival(model, notes=(who,))


def _unlike(run: RetrainingRun, manifest: Manifest, champion: Champion) -> str | None:
    spec = run.spec
    if manifest.task != spec.task:
        return f"{champion.name} is a model of {manifest.task}, and the spec's task is {spec.task}"
    if manifest.target != spec.target.column:
        return f"{champion.name} predicts {manifest.target!r}, and the spec's target is {spec.target.column!r}"
    return None


def _lacking(inputs: dict[str, str], snapshot: Snapshot, champion: Champion) -> str | None:
    missing = [name for name in inputs if name not in snapshot.schema_]
    if missing:
        return f"{champion.name} reads columns that the snapshot lacks: {', '.join(missing)}"
    retyped = [
        f"{name} ({dtype} then, {snapshot.schema_[name]} now)"
        for name, dtype in inputs.items()
        if dtype and snapshot.schema_[name] != dtype
    ]
    return f"{champion.name} reads columns that are of another type now: {', '.join(retyped)}" if retyped else None


def _changed_transform(manifest: Manifest, champion: Champion) -> tuple[str, ...]:
    path = manifest.transform
    if path is None or source_digest(path) == manifest.provenance.transform_digest:
        return ()
    return (
        f"the source of {path} has changed since {champion.name} was trained with it, so its predictions may have "
        "changed",
    )
