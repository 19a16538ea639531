"""Airflow listeners that count how retrainings ended, and measure CPU and memory of tasks.

The end of a run is counted where Airflow decides it, in the scheduler (or in the API server, if a person marks it), so
that it is counted even if a task was killed. CPU and memory of a task are measured in the task's own process.
"""

from __future__ import annotations

import resource
from collections.abc import Collection
from typing import TYPE_CHECKING, get_args

from airflow.listeners import hookimpl

from perennial_airflow.dag_ids import MONITOR, RETRAIN

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance


@hookimpl
def on_dag_run_success(dag_run: DagRun) -> None:
    """Count a retraining as promoted, rejected, inconclusive or a dry run."""
    if dag_run.dag_id.endswith(RETRAIN):
        from perennial.stages import maker

        states = task_states(dag_run)
        if states.get(maker("registered").name) != "success":
            count_end(dag_run, "dry run")
        else:
            promoted = states.get(maker("promotion").name) == "success"
            count_end(dag_run, "promoted" if promoted else why_not_promoted(dag_run, states))


@hookimpl
def on_dag_run_failed(dag_run: DagRun) -> None:
    """Count a retraining as failed."""
    if dag_run.dag_id.endswith(RETRAIN):
        count_end(dag_run, "failed")


@hookimpl
def on_task_instance_success(task_instance: RuntimeTaskInstance) -> None:
    """Send the CPU time and memory of a task."""
    count_resources(task_instance)


@hookimpl
def on_task_instance_failed(task_instance: RuntimeTaskInstance) -> None:
    """Send the CPU time and memory of a failed task."""
    count_resources(task_instance)


def task_states(dag_run: DagRun) -> dict[str, str | None]:
    """Return the states of the run's tasks, by task id."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    # A separate session: that of the scheduler holds locks and must not be committed here.
    with create_session(scoped=False) as session:
        query = select(TaskInstance.task_id, TaskInstance.state).where(
            TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id
        )
        return {task_id: state for task_id, state in session.execute(query)}


def why_not_promoted(dag_run: DagRun, tasks: Collection[str]) -> str:
    """Return `inconclusive` or `rejected`, as the verdict says that the last of the run's tasks handed on."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    from perennial.stages import maker

    with create_session(scoped=False) as session:
        task = maker("verdict", tasks).name
        query = XComModel.get_many(run_id=dag_run.run_id, key="return_value", task_ids=task, dag_ids=dag_run.dag_id)
        found = session.scalars(query).first()
        verdict = None if found is None else XComModel.deserialize_value(found)
    inconclusive = isinstance(verdict, dict) and verdict.get("outcome") == "inconclusive"
    return "inconclusive" if inconclusive else "rejected"


def count_end(dag_run: DagRun, outcome: str) -> None:
    """Count a retraining that has ended: `perennial.retrain.ended`."""
    # Airflow's own processes use another statistics module than tasks: that of `airflow.sdk` does not work here.
    from airflow.observability import stats

    tags = {
        "model": dag_run.dag_id.removesuffix(RETRAIN),
        "cause": cause(dag_run),
        "outcome": outcome.replace(" ", "_"),
    }
    stats.incr("perennial.retrain.ended", tags=tags)


def cause(dag_run: DagRun) -> str:
    """Return the cause of a run: tests, such as `ks/page_hinkley`; `first`, `person`, `schedule` or Airflow's type.

    Anyone who triggers a run may put anything into its conf: only names of tests are used as a tag.
    """
    from perennial.spec.monitoring import DriftTestName
    from perennial_airflow.evidence import evidence_of

    evidence = evidence_of(dag_run.conf)
    if evidence is not None:
        asked = [name for name in get_args(DriftTestName) if name in (evidence.get("caused_by") or ())]
        return "/".join(asked) or "first"
    return {"manual": "person", "scheduled": "schedule"}.get(str(dag_run.run_type), str(dag_run.run_type))


def count_resources(task_instance: RuntimeTaskInstance) -> None:
    """Send CPU time and memory of one of our tasks: `perennial.task.cpu_seconds` and `perennial.task.max_rss_bytes`."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from airflow.sdk.observability import stats

    ours = task_instance.dag_id.endswith((RETRAIN, MONITOR))
    # When a person marks a task, this is called in the API server, whose own CPU and memory must not be sent.
    if not ours or not isinstance(task_instance, RuntimeTaskInstance):
        return
    tags = {"dag_id": task_instance.dag_id, "task_id": task_instance.task_id}
    itself, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = itself.ru_utime + itself.ru_stime + children.ru_utime + children.ru_stime
    stats.gauge("perennial.task.cpu_seconds", seconds, tags=tags)
    # Linux gives ru_maxrss in kilobytes.
    stats.gauge("perennial.task.max_rss_bytes", max(itself.ru_maxrss, children.ru_maxrss) * 1024, tags=tags)
