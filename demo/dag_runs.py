"""Wait for DAGs and for their runs."""

from __future__ import annotations

import time
from collections.abc import Iterable

from demo.airflow_api import AirflowApi, TaskState
from demo.errors import DemoError

PARSE_TIMEOUT_S = 120
RUN_TIMEOUT_S = 1800
POLL_S = 0.4
LOG_LINES = 30


def wait_for_dag(airflow: AirflowApi, dag_id: str) -> None:
    """Return when Airflow has parsed the DAG; raise DemoError with the import errors if it cannot."""
    deadline = time.monotonic() + PARSE_TIMEOUT_S
    while not airflow.has_dag(dag_id):
        if errors := airflow.import_errors():
            raise DemoError("Airflow cannot read the DAG files:\n" + "\n".join(errors))
        if time.monotonic() > deadline:
            raise DemoError(f"Airflow has no DAG {dag_id} after {PARSE_TIMEOUT_S} seconds: see dag-processor.log")
        time.sleep(POLL_S)


def wait_for_schedule(airflow: AirflowApi, dag_id: str) -> None:
    """Unpause the DAG and return when the run that is due by its schedule has begun, if there is one."""
    airflow.unpause(dag_id)
    deadline = time.monotonic() + PARSE_TIMEOUT_S
    while airflow.is_due(dag_id):
        if time.monotonic() > deadline:
            raise DemoError(
                f"the schedule's run of {dag_id} has not begun after {PARSE_TIMEOUT_S} seconds: see scheduler.log"
            )
        time.sleep(POLL_S)


def wait_for_run(airflow: AirflowApi, dag_id: str, run_id: str) -> dict[str, TaskState]:
    """Wait until a run has ended and return its tasks by name.

    Raises DemoError with the last lines of the failed tasks' logs if the run fails.
    """
    deadline = time.monotonic() + RUN_TIMEOUT_S
    while (state := airflow.run(dag_id, run_id)["state"]) not in ("success", "failed"):
        if time.monotonic() > deadline:
            raise DemoError(f"the run {run_id} of {dag_id} is still {state} after {RUN_TIMEOUT_S} seconds")
        time.sleep(POLL_S)
    tasks = {task.task_id: task for task in airflow.tasks(dag_id, run_id)}
    if state == "failed":
        raise DemoError(_failure(airflow, dag_id, run_id, tasks.values()))
    return tasks


def _failure(airflow: AirflowApi, dag_id: str, run_id: str, tasks: Iterable[TaskState]) -> str:
    failed = [task for task in tasks if task.state == "failed"]
    logs = [
        f"--- the end of the log of {task.task_id}, try {task.tries}\n"
        + "\n".join(airflow.log(dag_id, run_id, task)[-LOG_LINES:])
        for task in failed
    ]
    return "\n".join([f"the run {run_id} of {dag_id} failed", *logs])
