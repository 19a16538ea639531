"""A retraining's search: its study, its rows, and whether one is due."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from optuna.storages import BaseStorage, InMemoryStorage

from perennial.data.split import apply_split, plan_splits
from perennial.digests import search_digest, space_digest
from perennial.errors import TrainingError
from perennial.layout import LATEST_SEARCH
from perennial.models.environment import library_versions
from perennial.models.recorded import find_bundle
from perennial.models.transformer import code_digest
from perennial.models.tuning import Choice, LatestSearch
from perennial.printable import PrintableLog
from perennial.registry.champions import current_champion
from perennial.run_owner import owned
from perennial.spec.reading.yaml_text import from_yaml
from perennial.spec.tuning import SearchPeriod
from perennial.store.damage import Damaged
from perennial.store.lease import Owner
from perennial.store.protocol import Conflict, KeyNotFound
from perennial.store.sealed import read_record, read_versioned_record, seal
from perennial.training.rows import read_rows
from perennial.tuning.space import Space
from perennial.tuning.storage import open_storage, storage_errors
from perennial.tuning.trial_queue import TrialQueue, trials_of
from perennial.tuning.trials import Trials, directions_of
from perennial.tuning.winner import CHAMPION

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.snapshots.records import Snapshot
    from perennial.models.tuning import Tuning
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

log = PrintableLog(__name__)

_ADVICE = "delete it, and the next retraining searches again"


def study_name(run: RetrainingRun, snapshot: Snapshot) -> str:
    """Return the name of a run's study: a retry finds it, and another spec, other rows or libraries have another."""
    digest = search_digest(
        run.spec,
        snapshot_digest=snapshot.digest,
        window=run.windows[0],
        transform_digest=code_digest(run.spec.features),
        libraries=library_versions(),
    )
    return f"{run.spec.name}/{run.run_id}/{digest[:12]}"


def open_queue(run: RetrainingRun, snapshot: Snapshot) -> TrialQueue:
    """Return the trials of a run's search, which `begin_search` has made, from the deployment's storage.

    Raises
    ------
    StudyUnavailable
        The storage does not answer.
    """
    storage, owner = open_storage(run.deployment.tuning_url), Owner.this_process(run.worker or "a search", run.now)
    return _queue(run.spec, storage, study_name(run, snapshot), owner)


def begin_search(run: RetrainingRun, snapshot: Snapshot) -> TrialQueue:
    """Make a run's study and its trials, or those that are missing, and return them.

    Raises
    ------
    StudyUnavailable
        The storage does not answer.
    TrainingError
        The study was made by another search.
    """
    spec, queue = run.spec, open_queue(run, snapshot)
    with owned(run) as run, storage_errors(run.deployment.tuning_url):
        earlier = latest_search(run) if spec.search.warm_start else None
        same = earlier is not None and earlier.tuning.space == space_digest(spec) and earlier.run_id != run.run_id
        _fill(
            queue,
            spec,
            trials=run.trials or spec.search.trials,
            first=_champions_choice(run),
            earlier=earlier.tuning.study if earlier is not None and same else None,
        )
    return queue


def search_here(spec: ModelSpec, rows: pd.DataFrame, owner: Owner) -> TrialQueue:
    """Search in this process and keep the trials in memory only.

    Parameters
    ----------
    spec : ModelSpec
    rows : pandas.DataFrame
        Training rows.
    owner : Owner
        This process.
    """
    queue = _queue(spec, InMemoryStorage(), spec.name, owner)
    _fill(queue, spec, trials=spec.search.trials, first=None, earlier=None)
    Trials.on(spec, rows).work_off(queue)
    return queue


def _queue(spec: ModelSpec, storage: BaseStorage, name: str, owner: Owner) -> TrialQueue:
    return TrialQueue(storage, name, spec.search, directions_of(spec), owner)


def _fill(queue: TrialQueue, spec: ModelSpec, *, trials: int, first: Choice | None, earlier: str | None) -> None:
    space = Space.of(spec)
    # A space with no more points than trials is tried point by point.
    if spec.search.sampler == "grid" or space.size <= trials:
        points = list(islice(space.grid(), trials))
        queue.fill(space_digest(spec), len(points), [("", point) for point in points])
        return
    params = None if first is None else space.params_of(first)
    known = [] if params is None else [(CHAMPION, params)]
    learnt = [] if earlier is None else trials_of(queue.storage, earlier)
    queue.fill(space_digest(spec), trials, known, learnt)


def trials_on(run: RetrainingRun, snapshot: Snapshot) -> Trials:
    """Return what every trial of a run is scored on: the training rows of the first window, and their folds.

    Raises
    ------
    DataError
        The rows do not suffice for the folds.
    StoreError
        The snapshot is gone or damaged.
    """
    rows, spec = read_rows(run, snapshot), run.spec
    plan = plan_splits(rows, spec, run.windows, snapshot.as_of)[0]
    return Trials.on(spec, apply_split(rows, plan, spec.task).train)


def relied_on(run: RetrainingRun, snapshot: Snapshot) -> LatestSearch | None:
    """Return the earlier search whose result this run takes; None: it searches itself.

    Raises
    ------
    TrainingError
        The run must not search, and there is no earlier search of these candidates.
    """
    latest = latest_search(run)
    usable = latest if latest is not None and latest.tuning.space == space_digest(run.spec) else None
    if run.search == "skip":
        if usable is None:
            raise TrainingError(
                f"no earlier retraining of {run.spec.name} has searched among these candidates, so there is nothing to "
                "take instead of a search: start the run without `search: skip`"
            )
        return usable
    if run.search == "force" or usable is None or usable.run_id == run.run_id or _is_due(run, snapshot, usable):
        return None
    return usable


def _is_due(run: RetrainingRun, snapshot: Snapshot, latest: LatestSearch) -> bool:
    when = run.spec.search.when
    if not isinstance(when, SearchPeriod):
        return when == "always"
    if when.every is not None:
        return len([taker for taker in latest.taken_by if taker != run.run_id]) >= when.every - 1
    return snapshot.end - latest.tuning.data_end >= timedelta(days=when.stale_days or 0)


def latest_search(run: RetrainingRun) -> LatestSearch | None:
    """Return the model's last search; None: there was none, or its record is damaged."""
    try:
        return read_record(run.store, LATEST_SEARCH.key(run.spec.name), LatestSearch, _ADVICE)
    except KeyNotFound:
        return None
    except Damaged as error:
        log.warning("%s", error)
        return None


def keep_search(run: RetrainingRun, tuning: Tuning) -> None:
    """Record a search as the model's last one, or that a run has taken its result. Repeated, it changes nothing."""
    key = LATEST_SEARCH.key(run.spec.name)
    while True:
        try:
            kept, version = read_versioned_record(run.store, key, LatestSearch, _ADVICE)
        except (KeyNotFound, Damaged):
            run.store.write(key, seal(LatestSearch(run_id=run.run_id, tuning=tuning)))
            return
        if tuning.searched:
            new = LatestSearch(run_id=run.run_id, tuning=tuning)
        else:
            new = kept.model_copy(update={"taken_by": tuple(dict.fromkeys((*kept.taken_by, run.run_id)))})
        try:
            run.store.replace(key, seal(new), version)
            return
        except Conflict:
            continue


def _champions_choice(run: RetrainingRun) -> Choice | None:
    """Return the estimator and parameters of the champion; None: there is none that Perennial trained."""
    try:
        champion = current_champion(run.store, run.tracking_uri, run.spec.name)
        recorded = champion and find_bundle(run.store, run.spec.name, champion.mlflow_run_id)
    except Damaged as error:
        log.warning("the search begins without the champion's parameters: %s", error)
        return None
    if not recorded:
        return None
    made = from_yaml(recorded.manifest.recipe)["model"]
    return Choice.of(made["estimator"], made["params"])
