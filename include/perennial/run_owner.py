"""A run's owner: of all processes that were told to do the same run, only one works on it at a time.

The results of a run are named by its id, so that a repeated run finds them, and the unfinished results of a killed
attempt are deleted. Two processes that repeat a run at the same time would delete each other's results.
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
    """Own the run inside the block, after waiting for any other process that owns it.

    The block gets the run with its lease.
    A run that already has a lease keeps it: a caller that owns the run over several stages passes it to each of them.

    Parameters
    ----------
    run : RetrainingRun
    told : callable
        Is called with a sentence that says which process this one waits for.

    Raises
    ------
    RunTaken
        The block failed, and another process has taken the run over meanwhile, which may have caused the failure.
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
    """Make sure that this process still owns the run. Call it right before a step that two processes must not mix.

    Raises
    ------
    RunTaken
        This process was cut off from the store, or paused, for longer than a lease lasts, and another one owns the run
        now.
    """
    if run.lease is not None and not run.lease.renew():
        raise _taken(run, "this one was cut off from the store, or paused, for too long")


def _is_lost(lease: Lease) -> bool:
    try:
        return not lease.renew()
    except StoreError:
        # Whether the lease is lost is not known, and the block's own error is the one to raise.
        return False


def _taken(run: RetrainingRun, why: str) -> RunTaken:
    return RunTaken(
        f"another process has taken over run {run.run_id} of {run.spec.name}; {why}. Nothing is lost: the same call "
        "finds what the other has done"
    )
