"""Chooses the winner of a search, and shows the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.data.snapshots.records import Snapshot
from perennial.layout import TUNING_PAGE
from perennial.models.tuning import Tuning
from perennial.printable import PrintableLog
from perennial.tuning.page import render_search
from perennial.tuning.search import begin_search, keep_search, relied_on
from perennial.tuning.storage import storage_errors
from perennial.tuning.trial_queue import TrialQueue
from perennial.tuning.tune import work_off
from perennial.tuning.winner import evidence, winner

if TYPE_CHECKING:
    from perennial.run import RetrainingRun

log = PrintableLog(__name__)


def choose(run: RetrainingRun, snapshot: Snapshot) -> Tuning:
    """Return the winner of the run's search, or what an earlier search found if none was due.

    Trials that are left, such as those of a process that died last, are made first. The page with all trials is written,
    and later retrainings may take the result; in a dry run they may not.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        A snapshot in the run's store.

    Raises
    ------
    TrainingError
        No trial gave a model.
    DataError, StudyUnavailable
        As for `tune`.
    """
    relied = relied_on(run, snapshot)
    if relied is not None:
        said = f"{relied.tuning.choice.in_words}, found by run {relied.run_id}; no search was due."
        found = relied.tuning.model_copy(update={"searched": False, "sentence": said})
    else:
        found = _found(run, snapshot, begin_search(run, snapshot))
    if not run.dry_run:
        keep_search(run, found)
    log.info("%s", found.sentence)
    return found


def _found(run: RetrainingRun, snapshot: Snapshot, queue: TrialQueue) -> Tuning:
    spec = run.spec
    work_off(run, snapshot, queue)
    with storage_errors(run.deployment.tuning_url):
        trials = queue.trials()
    won = winner(spec, trials)
    found = evidence(spec, queue.name, snapshot.end, trials, won)
    run.store.write(run.prefix + TUNING_PAGE.name, render_search(spec, found, trials, won))
    return found
