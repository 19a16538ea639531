"""Find retrainings of a model in Airflow."""

from __future__ import annotations

from collections.abc import Iterable

from perennial_airflow.dag_ids import retraining_dag

UNDER_WAY = ["queued", "running"]


def was_started(model: str, run_id: str) -> bool:
    """Tell whether Airflow has this retraining of the model, in any state.

    Notes
    -----
    Works in the same places as `under_way`.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return bool(RuntimeTaskInstance.get_dr_count(retraining_dag(model), run_ids=[run_id]))


def under_way(model: str, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Return names of the model's retrainings that are queued or running, however they were started.

    Parameters
    ----------
    model : str
    known : iterable of str
        Run ids to look for, likeliest first. A task can count DAG runs but not list them, so all other runs appear only
        as a number.

    Notes
    -----
    Works in tasks, and in the triggerer from any thread except that of its event loop.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    dag_id = retraining_dag(model)
    count = RuntimeTaskInstance.get_dr_count(dag_id, states=UNDER_WAY)
    named: list[str] = []
    for run_id in known:
        if len(named) == count:
            break
        if RuntimeTaskInstance.get_dr_count(dag_id, run_ids=[run_id], states=UNDER_WAY):
            named.append(run_id)
    others = count - len(named)
    if others > 0:
        named.append(f"{others} {'run' if others == 1 else 'runs'} of {dag_id} that people or its schedule started")
    return tuple(named)
