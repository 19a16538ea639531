"""A run's owner: of all processes that were told to do the same run, one works on it at a time.

What a run makes is named by its id, so that whoever repeats it finds it; and what a killed attempt left unfinished is
cleared away. Two that repeat it at the same moment would clear away each other's work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from perennial.errors import PerennialError, RunTaken, StoreError
from perennial.layout import RUN_LEASE
from perennial.printable import PrintableLog
from perennial.store.lease import claim

if TYPE_CHECKING:
    from perennial.run import RetrainingRun
    from perennial.store.lease import Lease, Owner

log = PrintableLog(__name__)


@contextmanager
def owned(run: RetrainingRun, told: Callable[[str], None] = log.warning) -> Iterator[RetrainingRun]:
    """Own the run inside the block; wait as long as another process does. The block gets the run with its lease.

    A run that is owned already stays so: whoever owns it over several stages calls them with it.

    Parameters
    ----------
    run : RetrainingRun
    told : callable
        Takes a sentence for people that says whom this process waits for.

    Raises
    ------
    RunTaken
        The block failed, and another process has taken the run over meanwhile: the failure may be its doing.
    StoreError
        The store does not answer or refuses.
    """
    if run.lease is not None:
        yield run
        return

    def say(owner: Owner | None) -> None:
        who = owner or "a process whose claim cannot be read"
        told(f"Run {run.run_id} of {run.spec.name} is being worked on: waiting for {who}.")

    work = run.worker or run.triggered_by or "a process"
    lease = claim(run.store, run.prefix + RUN_LEASE.name, work=work, told=say)
    try:
        yield replace(run, lease=lease)
    except PerennialError as error:
        if not error.retryable and _is_lost(lease):
            raise _taken(run, f"this one failed meanwhile, with: {error}") from error
        raise
    finally:
        lease.release()


def confirm_owner(run: RetrainingRun) -> None:
    """Make sure that the run is still this process's, right before a step that another's must not be crossed with.

    Raises
    ------
    RunTaken
        It was cut off from the store, or stood still, for longer than a lease lasts, and another has the run now.
    """
    if run.lease is not None and not run.lease.renew():
        raise _taken(run, "this one was cut off from the store, or stood still, for too long")


def _is_lost(lease: Lease) -> bool:
    try:
        return not lease.renew()
    except StoreError:
        # Nothing is known; the first error is the one to tell.
        return False


def _taken(run: RetrainingRun, why: str) -> RunTaken:
    return RunTaken(
        f"another process has taken over run {run.run_id} of {run.spec.name}; {why}. Nothing is lost: the same call "
        "finds what the other has done"
    )
