"""Trigger the demo's retraining DAG, watch its tasks, and gather what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from demo.airflow_api import AirflowApi, TaskState
from demo.errors import DemoError
from perennial.outcomes import Candidate, Evaluation, RegisteredVersion, Snapshot, Verdict

DAG_ID = "flight_delay.retrain"
TASKS = ("ingest", "validate", "train", "evaluate", "decide", "register", "promote")
RUN_TIMEOUT_S = 900
PARSE_TIMEOUT_S = 120
POLL_S = 0.5
LOG_LINES = 30
COLOURS = {
    "success": "green",
    "failed": "red",
    "upstream_failed": "red",
    "running": "yellow",
    "up_for_retry": "magenta",
}


@dataclass(frozen=True)
class Retraining:
    """A finished run of the DAG: what its tasks handed on, and the seconds that each took."""

    title: str
    run_id: str
    snapshot: Snapshot
    candidate: Candidate
    evaluation: Evaluation
    verdict: Verdict
    registered: RegisteredVersion
    seconds: dict[str, float | None]


def wait_for_dag(airflow: AirflowApi) -> None:
    """Return when Airflow has parsed the DAG; raise DemoError with the import errors if it cannot."""
    deadline = time.monotonic() + PARSE_TIMEOUT_S
    while not airflow.has_dag(DAG_ID):
        if errors := airflow.import_errors():
            raise DemoError("Airflow cannot read the DAG files:\n" + "\n".join(errors))
        if time.monotonic() > deadline:
            raise DemoError(f"Airflow has no DAG {DAG_ID} after {PARSE_TIMEOUT_S} seconds: see dag-processor.log")
        time.sleep(POLL_S)


def retrain(airflow: AirflowApi, title: str, console: Console) -> Retraining:
    """Run the DAG once, showing its tasks; raise DemoError with the end of the failed task's log if it fails."""
    run_id = airflow.trigger(DAG_ID, {"reason": f"demo: {title}"})
    with Live(console=console, auto_refresh=False) as live:
        tasks = wait_for_run(airflow, run_id, lambda tasks: live.update(_progress(tasks), refresh=True))

    def handed_on(task_id: str) -> object:
        return airflow.result(DAG_ID, run_id, task_id)

    return Retraining(
        title=title,
        run_id=run_id,
        snapshot=Snapshot.model_validate(handed_on("ingest")),
        candidate=Candidate.model_validate(handed_on("train")),
        evaluation=Evaluation.model_validate(handed_on("evaluate")),
        verdict=Verdict.model_validate(handed_on("decide")),
        registered=RegisteredVersion.model_validate(handed_on("register")),
        seconds={name: tasks[name].seconds for name in TASKS},
    )


def wait_for_run(
    airflow: AirflowApi, run_id: str, show: Callable[[dict[str, TaskState]], None] = lambda _: None
) -> dict[str, TaskState]:
    """Wait until a run of the DAG has ended and return its tasks by name.

    `show` is called with them meanwhile. Raises DemoError with the ends of the failed tasks' logs if the run fails.
    """
    deadline = time.monotonic() + RUN_TIMEOUT_S
    while True:
        state = airflow.run(DAG_ID, run_id)["state"]
        tasks = {task.task_id: task for task in airflow.tasks(DAG_ID, run_id)}
        show(tasks)
        if state == "failed":
            raise DemoError(_failure(airflow, run_id, tasks.values()))
        if state == "success":
            return tasks
        if time.monotonic() > deadline:
            raise DemoError(f"the run {run_id} of {DAG_ID} is still {state} after {RUN_TIMEOUT_S} seconds")
        time.sleep(POLL_S)


def _progress(tasks: dict[str, TaskState]) -> Group:
    table = Table.grid(padding=(0, 2))
    for name in TASKS:
        task = tasks.get(name)
        state = task.state if task else "waiting"
        seconds = f"{task.seconds:.1f} s" if task and task.seconds is not None else ""
        table.add_row("", name, f"[{COLOURS.get(state, 'dim')}]{state}[/]", seconds)
    # Without the empty line a display that is no terminal would go on in the last one.
    return Group(table, "")


def _failure(airflow: AirflowApi, run_id: str, tasks: Iterable[TaskState]) -> str:
    failed = [task for task in tasks if task.state == "failed"]
    logs = [
        f"--- the end of the log of {task.task_id}, try {task.tries}\n"
        + "\n".join(airflow.log(DAG_ID, run_id, task)[-LOG_LINES:])
        for task in failed
    ]
    return "\n".join([f"the run {run_id} of {DAG_ID} failed", *logs])
