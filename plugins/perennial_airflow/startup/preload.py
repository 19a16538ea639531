"""Import libraries once in the process that forks the tasks, or before the triggerer's event loop starts."""

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
    """Return the modules that the process `airflow <arguments>` should import when it starts.

    Parameters
    ----------
    arguments : sequence of str
        The command line after the program's name.
    executor : str
        Airflow's `[core] executor`; several are separated by commas.

    Returns
    -------
    tuple of str
        The stages, for a scheduler with the LocalExecutor and for a Celery worker, which fork their tasks. The code
        that waits for rows, for a triggerer: if it were imported later, in a thread, it would delay all triggers by
        seconds. Nothing where Airflow starts new processes instead of forking, as on macOS: those inherit no modules.
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
    """Import the modules. A failure is only logged: it is raised where the module is needed.

    Afterwards all objects are frozen, so that the garbage collector ignores them: in the forked tasks, looking at them
    would copy the memory that they share with their parent.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            log.warning("Could not preload %s, it is imported again where it is needed: %r", module, error)
    if modules:
        gc.collect()
        gc.freeze()


def freeze_in_pool() -> None:
    """Keep the garbage collector of a Celery worker away from the objects that its pool's processes share.

    Airflow unfreezes all objects once the pool's first processes run, and Celery collects garbage before it forks a
    replacement process. Collecting writes to the shared memory, so that all other processes of the pool, and the tasks
    that they fork, would each get a copy of a quarter of a gigabyte.
    """
    from celery.signals import worker_before_create_process

    worker_before_create_process.connect(_freeze, weak=False)


def _freeze(**_: Any) -> None:
    # Only once: later objects are few, and their garbage should be collected.
    if not gc.get_freeze_count():
        gc.freeze()
