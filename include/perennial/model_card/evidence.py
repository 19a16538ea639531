"""What is known of a version: the records of its run, read from the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from perennial.champions.ledger import read_champions
from perennial.champions.records import ChampionEntry
from perennial.data.snapshots.manifest import find_manifest
from perennial.data.snapshots.records import Snapshot
from perennial.errors import PromotionError
from perennial.evaluation.records import Evaluation
from perennial.explanations.read import read_explanations
from perennial.explanations.records import Explanations
from perennial.layout import EVALUATION, LATEST_SEARCH, REHEARSAL, VERDICT, run_folder
from perennial.models.manifest import Manifest
from perennial.models.tuning import Choice, LatestSearch, Tuning
from perennial.promotion.answers import with_answer
from perennial.promotion.records import Verdict
from perennial.record import Record
from perennial.registry.bundles import recorded_champion
from perennial.registry.champions import find_version
from perennial.rehearsal.records import Rehearsal
from perennial.spec.reading.yaml_text import from_yaml
from perennial.store.protocol import KeyNotFound
from perennial.store.sealed import read_record

if TYPE_CHECKING:
    from perennial.run import Run
    from perennial.spec import ModelSpec
    from perennial.store.protocol import Store

_ADVICE = "The card needs it: put it back from a backup, or clear the run from 'evaluate' on"

Some = TypeVar("Some", bound=Record)


@dataclass(frozen=True)
class Evidence:
    """What the card of a version is made of. None: there is no such record."""

    spec: ModelSpec
    """As it is now, which may differ from the version's: purpose and owner are taken from it, all else from records."""
    version: str
    mlflow_run_id: str
    digest: str
    manifest: Manifest
    evaluation: Evaluation
    verdict: Verdict
    snapshot: Snapshot | None
    tuning: Tuning | None
    explanations: Explanations | None
    rehearsal: Rehearsal | None
    moves: tuple[ChampionEntry, ...]
    """The moves of the alias to and from this version, oldest first."""

    @property
    def recipe(self) -> Choice:
        """The estimator and its parameters."""
        model = from_yaml(self.manifest.recipe)["model"]
        return Choice.of(model["estimator"], model["params"])


def gather(run: Run, number: str) -> Evidence:
    """Read what is known of a version: the records of the retraining that made it.

    Raises
    ------
    PromotionError
        The version is gone.
    TrainingError
        Perennial did not train it, or the record of its bundle is gone.
    KeyNotFound
        Its retraining has no evaluation or no verdict.
    Damaged
        A record is not what was written.
    TrackingUnavailable
        MLflow does not answer.
    """
    store, name = run.store, run.spec.name
    found = find_version(store, run.tracking_uri, name, number)
    if found is None:
        raise PromotionError(f"version {number} of {name} is gone from the registry")
    recorded = recorded_champion(run, found)
    manifest = recorded.manifest
    run_id = manifest.provenance.run_id
    folder = run_folder(name, run_id)
    evaluation = read_record(store, folder + EVALUATION.name, Evaluation, _ADVICE)
    verdict = read_record(store, folder + VERDICT.name, Verdict, _ADVICE)
    snapshot = find_manifest(store, name, manifest.provenance.snapshot_digest)
    latest = _find(store, LATEST_SEARCH.key(name), LatestSearch)
    rehearsal = _find(store, folder + REHEARSAL.name, Rehearsal)
    return Evidence(
        spec=run.spec,
        version=number,
        mlflow_run_id=evaluation.mlflow_run_id,
        digest=recorded.digest,
        manifest=manifest,
        evaluation=evaluation,
        verdict=with_answer(store, name, run_id, verdict),
        snapshot=snapshot[0] if snapshot else None,
        tuning=latest.tuning if latest and run_id in (latest.run_id, *latest.taken_by) else None,
        explanations=read_explanations(store, name, run_id, evaluation.mlflow_run_id),
        rehearsal=rehearsal if rehearsal and rehearsal.bundle_digest == recorded.digest else None,
        moves=tuple(one for one in read_champions(store, name) if number in (one.version, one.previous)),
    )


def _find(store: Store, key: str, of: type[Some]) -> Some | None:
    try:
        return read_record(store, key, of, _ADVICE)
    except KeyNotFound:
        return None
