"""Import the stages' libraries once in the process that forks the tasks, instead of seconds in every task."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

log = logging.getLogger(__name__)

STAGES = (
    "perennial.data.ingest",
    "perennial.validation.validate",
    "perennial.training.train",
    "perennial.evaluation.evaluate",
    "perennial.promotion.registry",
    "perennial.monitoring.steps",
    "perennial.monitoring.report",
)


def forks_tasks(arguments: Sequence[str], executor: str) -> bool:
    """Tell whether the process started by `airflow <arguments>` forks tasks from itself.

    Parameters
    ----------
    arguments : sequence of str
        The command line after the program's name.
    executor : str
        Airflow's `[core] executor`; several are separated by commas.

    Returns
    -------
    bool
        True for a scheduler with the LocalExecutor and for a Celery worker. Never true where Airflow
        starts tasks in fresh processes, as it does on macOS: those inherit nothing.
    """
    if sys.platform != "linux":
        return False
    command = [argument for argument in arguments if not argument.startswith("-")]
    return command[:2] == ["celery", "worker"] or (command[:1] == ["scheduler"] and "LocalExecutor" in executor)


def import_stages() -> None:
    """Import what the stages import. A module that fails is named in the log, and will fail again in its own task."""
    for module in STAGES:
        try:
            importlib.import_module(module)
        except Exception as error:
            log.warning("Could not preload %s, its tasks will try themselves: %r", module, error)
