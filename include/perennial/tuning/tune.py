"""Searches for the best estimator and parameters; any number of processes may do so for the same run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from perennial.data.snapshots.records import Snapshot
from perennial.models.tuning import Search
from perennial.printable import PrintableLog
from perennial.tuning.progress import Progress
from perennial.tuning.search import begin_search, relied_on, trials_on
from perennial.tuning.storage import storage_errors
from perennial.tuning.trial_queue import TrialQueue
from perennial.tuning.winner import ended

if TYPE_CHECKING:
    from perennial.run import RetrainingRun

log = PrintableLog(__name__)


def tune(run: RetrainingRun, snapshot: Snapshot) -> Search:
    """Take trials from the run's study until all are done, the time is over, or none was due.

    Each trial is scored on folds of the training rows. Called again, or in several processes at the same time, it goes on
    where the study stands: no finished trial is repeated, and a trial whose process has died is given back. Meanwhile the
    page of the search shows the trials so far.

    Parameters
    ----------
    run : RetrainingRun
    snapshot : Snapshot
        A snapshot in the run's store.

    Raises
    ------
    DataError
        The training rows do not suffice for the folds.
    TrainingError
        The run must not search, and there is no earlier search; or the study was made by another search.
    StudyUnavailable
        The storage of searches does not answer.
    """
    relied = relied_on(run, snapshot)
    if relied is not None:
        said = f"No search was due: {relied.tuning.choice.in_words}, found by run {relied.run_id}, is taken."
        return Search(study="", trials=0, sentence=said)
    return work_off(run, snapshot, begin_search(run, snapshot))


def work_off(
    run: RetrainingRun, snapshot: Snapshot, queue: TrialQueue, told: Callable[[], None] = lambda: None
) -> Search:
    """Do the trials that are left; `told` is called after each."""
    progress = Progress(run, snapshot, queue)

    def ended_one() -> None:
        progress()
        told()

    with storage_errors(run.deployment.tuning_url):
        if not queue.is_done():
            number = trials_on(run, snapshot).work_off(queue, ended_one)
            log.info("%d trials were made here", number)
        done = len(ended(queue.trials()))
    return Search(study=queue.name, trials=done, sentence=f"{done} trials have ended.")
