"""What a run's training starts from: the champion's fitted state, or nothing.

The champion may change while a run is repeated, at the latest by the run's own promotion. So the decision is stored before
it is acted on, and every repetition of the run finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.errors import TrainingError
from perennial.layout import START
from perennial.models.base import Base
from perennial.models.continuing import cannot_continue
from perennial.record import Record
from perennial.registry.bundles import recorded_manifest
from perennial.registry.champions import current_champion
from perennial.store.protocol import Conflict, KeyNotFound
from perennial.store.sealed import read_record, seal
from perennial.training.pipeline import build_pipeline

if TYPE_CHECKING:
    from perennial.registry.tracking import Tracker
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec
    from perennial.spec.update import Update

CONTINUES_TAG = "perennial.continues"
"""Of an MLflow run: digest of the bundle that its model continues."""
RUN_TAG = "perennial.run_id"


class Start(Record):
    """What a run's training starts from."""

    base: Base | None = None
    """The champion that is continued, if its recipe and the new rows allow that."""
    why_full: str = ""
    """Why there is no base; empty: there is one, or the spec has no `model.update`."""


def start_of(run: RetrainingRun, tracker: Tracker, experiment_id: str) -> Start:
    """Return what a run's training starts from, as it was decided the first time.

    Raises
    ------
    TrainingError
        The spec's estimator cannot continue from a fitted state.
    Damaged
        The stored decision was changed.
    """
    update = run.spec.model.update
    if update is None:
        return Start()
    check_can_continue(run.spec)
    key = run.prefix + START.name
    advice = "delete it, and the run decides again what its training starts from"
    try:
        return read_record(run.store, key, Start, advice)
    except KeyNotFound:
        pass
    decided = _decide(run, update, tracker, experiment_id)
    try:
        run.store.create(key, seal(decided))
    except Conflict:
        return read_record(run.store, key, Start, advice)
    return decided


def check_can_continue(spec: ModelSpec) -> None:
    """Raise TrainingError if the spec's estimator cannot continue from a fitted state."""
    why = cannot_continue(build_pipeline(spec)[-1])
    if why:
        raise TrainingError(f"model.update: {why}. Leave model.update out, or choose another estimator")


def _decide(run: RetrainingRun, update: Update, tracker: Tracker, experiment_id: str) -> Start:
    champion = current_champion(run.store, run.tracking_uri, run.spec.name)
    if champion is None:
        return Start(why_full="there is no champion yet")
    if champion.is_foreign:
        return Start(why_full=f"{champion.name} was not trained by Perennial")
    if champion.weights:
        return Start(why_full=f"{champion.name} is several models that serve together")
    before = recorded_manifest(run, champion).provenance.base
    # Those that were not promoted count too: otherwise a champion that all its updates lose to would never be replaced.
    others = tracker.find_runs(experiment_id, CONTINUES_TAG, champion.bundle_digest)
    rejected = {one.data.tags.get(RUN_TAG) for one in others if one.info.status == "FINISHED"} - {run.run_id}
    updates = (before.updates if before else 0) + len(rejected) + 1
    if updates >= update.full_every:
        return Start(why_full=f"{updates - 1} updates were made since the last full training")
    return Start(
        base=Base(
            version=champion.version,
            mlflow_run_id=champion.mlflow_run_id,
            bundle_digest=champion.bundle_digest,
            updates=updates,
        )
    )
