"""Import the libraries once in the process that forks the tasks, or before the triggerer's event loop starts."""

from __future__ import annotations

import gc
import importlib
import logging
import sys
from collections.abc import Sequence
from typing import Any

log = logging.getLogger(__name__)

CHECKING = ("perennial.monitoring.steps", "perennial.monitoring.report.page")
WAITING = ("perennial.monitoring.waiting",)


def modules_for(arguments: Sequence[str], executor: str) -> tuple[str, ...]:
    """Return what the process started by `airflow <arguments>` should import as it starts.

    Parameters
    ----------
    arguments : sequence of str
        The command line after the program's name.
    executor : str
        Airflow's `[core] executor`; several are separated by commas.

    Returns
    -------
    tuple of str
        The stages for a scheduler with the LocalExecutor and for a Celery worker, which fork their tasks. What waits
        for rows for a triggerer: imported in a thread beside its event loop, as the first model is watched, it would
        hold up all triggers for a second at a time. Nothing where Airflow starts fresh processes, as it does on macOS:
        those inherit nothing.
    """
    if sys.platform != "linux":
        return ()
    command = [argument for argument in arguments if not argument.startswith("-")]
    if command[:2] == ["celery", "worker"] or (command[:1] == ["scheduler"] and "LocalExecutor" in executor):
        return modules_of_tasks()
    return WAITING if command[:1] == ["triggerer"] else ()


def modules_of_tasks() -> tuple[str, ...]:
    """Return the modules of all stages of a retraining, and of a check's steps."""
    from perennial.stages import STAGES

    return (*dict.fromkeys(stage.module for stage in STAGES.values()), *CHECKING)


def import_all(modules: Sequence[str]) -> None:
    """Import them. One that fails is named in the log, and will fail again where it is needed.

    What is there then is left to the garbage collector no more: looking at it, in each of the tasks that are forked, would
    copy the memory that they share.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            log.warning("Could not preload %s, it is tried again where it is needed: %r", module, error)
    if modules:
        gc.collect()
        gc.freeze()


def freeze_in_pool() -> None:
    """Have a Celery worker leave what its pool's processes share to the collector no more, as long as it runs.

    Airflow thaws everything once the pool's first processes are there, and Celery collects before it forks one that takes
    another's place after so many tasks. To look at what they share is to write to it: each of the others, and the tasks
    that these fork, would come to own a quarter of a gigabyte.
    """
    from celery.signals import worker_before_create_process

    worker_before_create_process.connect(_freeze, weak=False)


def _freeze(**_: Any) -> None:
    # Once: what came since is little, and of it the garbage is to be collected.
    if not gc.get_freeze_count():
        gc.freeze()
