"""A candidate whose champion changed while a person was asked goes back to `evaluate`, in another run of the DAG.

Airflow gives a task no way to clear some tasks of its own run: its API for tasks clears whole runs, and would read newer
rows. A question that is cleared would also keep its old text. So the task triggers a run that goes on with the same
retraining: the tasks before `evaluate` return what those of the earlier run returned, and all later ones run under the
retraining's name, as if they had been cleared.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NoReturn

from perennial.stages import STAGES
from perennial_airflow.dag_ids import retraining_dag
from perennial_airflow.retraining_runs import UNDER_WAY

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

KEY = "judges_again"
"""Key in the conf of a run: id of the run whose candidate it judges again."""
KEPT = frozenset(takewhile(lambda name: name != "evaluate", STAGES))
"""Tasks whose results do not depend on the champion."""
# Of Airflow's column.
_LONGEST_ID = 250


def earlier_run(conf: Mapping[str, Any] | None) -> str | None:
    """Return the id of the run whose candidate a run judges again; None: it trains one of its own."""
    found = (conf or {}).get(KEY)
    return found if isinstance(found, str) and found else None


def kept_result(context: Context, earlier: str) -> dict[str, Any]:
    """Return what the same task of the earlier run has returned.

    Raises
    ------
    PromotionError
        Airflow no longer has it.
    """
    from airflow.sdk.execution_time.xcom import XCom

    from perennial.errors import PromotionError

    task = context["ti"]
    found = XCom.get_one(
        key=XCom.XCOM_RETURN_KEY,
        dag_id=task.dag_id,
        run_id=earlier,
        task_id=task.task_id,
        map_index=task.map_index,
    )
    if not isinstance(found, dict):
        raise PromotionError(
            f"{task.dag_id} {earlier} has no result of '{task.task_id}', so its candidate cannot be judged again: retrain"
        )
    return found


def judge_again(context: Context, model: str, *, champion: str, why: str) -> NoReturn:
    """Trigger the run that judges the candidate again, once for each champion.

    Parameters
    ----------
    context : Context
    model : str
    champion : str
        The champion of now, such as `v7`, or `none`.
    why : str
        A sentence for the note of the run.

    Raises
    ------
    DagRunTriggerException
        Airflow's way to trigger a run; the task then ends without a result.
    AirflowSkipException
        It was triggered by an earlier try of the task.
    PromotionError
        The candidate was judged against this champion before, so this could go on for ever.
    """
    from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

    from perennial.errors import PromotionError

    task, dag_run, dag_id = context["ti"], context["dag_run"], retraining_dag(model)
    retraining = earlier_run(dag_run.conf) or dag_run.run_id
    # Not the other way round: Airflow reserves names that begin like those of scheduled runs.
    run_id = f"against-{champion}-{retraining}"[:_LONGEST_ID]
    if run_id == dag_run.run_id or task.get_dr_count(dag_id, run_ids=[run_id]):
        if run_id != dag_run.run_id and task.get_dr_count(dag_id, run_ids=[run_id], states=UNDER_WAY):
            raise AirflowSkipException(f"{why} {run_id} judges the candidate again; it was triggered before.")
        raise PromotionError(
            f"{why} Run {run_id} has judged the candidate against this champion before: clear this run from 'evaluate' "
            "on to judge it once more, or retrain"
        )
    raise DagRunTriggerException(
        trigger_dag_id=dag_id,
        dag_run_id=run_id,
        conf={**(dag_run.conf or {}), KEY: retraining},
        logical_date=None,
        skip_when_already_exists=True,
        reset_dag_run=False,
        wait_for_completion=False,
        allowed_states=[],
        failed_states=[],
        poke_interval=60,
        deferrable=False,
        note=why,
    )
