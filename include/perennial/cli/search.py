"""Searches in this process or in helper processes, and says how far the search is."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess

from threadpoolctl import threadpool_limits

from perennial.data.snapshots.records import Snapshot
from perennial.deployment import Deployment
from perennial.models.tuning import Search
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER
from perennial.store import open_store
from perennial.tuning.search import begin_search, open_queue, relied_on
from perennial.tuning.storage import storage_errors
from perennial.tuning.trial_queue import TrialQueue
from perennial.tuning.tune import tune, work_off
from perennial.tuning.winner import ended, scored_trials

_LOOK_S = 2.0


def search(run: RetrainingRun, snapshot: Snapshot, said: Callable[[str], None]) -> Search:
    """Do all trials, so many at a time as the spec says and as there are processors.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
    said : callable
        Called again and again with a sentence that says how many trials are done, the best score, and the time left.

    Raises
    ------
    PerennialError
        As `perennial.tuning.tune.tune`.
    """
    if relied_on(run, snapshot) is not None:
        return tune(run, snapshot)
    queue = begin_search(run, snapshot)
    progress = _Progress(run.spec, queue)
    workers = min(run.spec.search.parallel, os.cpu_count() or 1)
    if workers > 1:
        _in_helpers(run, snapshot, workers, lambda: said(progress.sentence()))
    # What a helper has left, if one has died.
    return work_off(run, snapshot, queue, lambda: said(progress.sentence()))


class _Progress:
    """How far a search is, since this process looks at it."""

    def __init__(self, spec: ModelSpec, queue: TrialQueue) -> None:
        self._queue, self._metric = queue, spec.searched_metric
        self._began, self._before = time.monotonic(), len(ended(queue.trials()))

    def sentence(self) -> str:
        trials = self._queue.trials()
        done, all_of_them = len(ended(trials)), len(trials)
        scores = [trial.values[0] for trial in scored_trials(trials).values()]
        parts = [f"{done} of {all_of_them} trials"]
        if scores:
            best = min(scores) if self._metric in LOWER_IS_BETTER else max(scores)
            parts.append(f"best {self._metric} {best:.4f}")
        if self._before < done < all_of_them:
            left = (time.monotonic() - self._began) / (done - self._before) * (all_of_them - done)
            parts.append(f"{timedelta(seconds=round(left))} left")
        return ", ".join(parts)


def _in_helpers(run: RetrainingRun, snapshot: Snapshot, workers: int, look: Callable[[], None]) -> None:
    # Spawned, since a forked copy of a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    given = (run.spec, run.store.uri, run.deployment.tuning_url, run.run_id, run.now, run.window_days, snapshot)
    helpers: list[BaseProcess] = [
        context.Process(target=_help, args=(*given, max(1, (os.cpu_count() or 1) // workers)), daemon=True)
        for _ in range(workers)
    ]
    for helper in helpers:
        helper.start()
    try:
        while any(helper.is_alive() for helper in helpers):
            with storage_errors(run.deployment.tuning_url):
                look()
            time.sleep(_LOOK_S)
    finally:
        for helper in helpers:
            helper.terminate()
            helper.join()


def _help(
    spec: ModelSpec,
    store_uri: str,
    tuning_url: str,
    run_id: str,
    now: datetime,
    window_days: float | None,
    snapshot: Snapshot,
    threads: int,
) -> None:
    # The store is opened again here, since a client of S3 cannot be passed to another process.
    deployment = Deployment(store=open_store(store_uri), tracking_uri="", data_root="", tuning_url=tuning_url)
    run = RetrainingRun(spec=spec, deployment=deployment, run_id=run_id, now=now, window_days=window_days)
    with threadpool_limits(threads):
        work_off(run, snapshot, open_queue(run, snapshot))
