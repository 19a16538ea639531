"""One monitoring DAG per model spec that has `monitoring`: new rows are checked, and drift retrains the model.

wait_for_rows >> open_check >> tests >> govern >> trigger_retraining >> move_cursor, and where the spec's `auto_rollback` may act
govern >> roll_back >> move_cursor.
"""

from __future__ import annotations

import copy
from typing import get_args

from airflow.sdk import DAG, Param, ParamsDict, TaskGroup, TriggerRule, chain

from perennial.spec import ModelSpec
from perennial.spec.monitoring import DriftTestName
from perennial_airflow.alerts.callbacks import on_auto_rollback, on_check, on_failure, on_trigger, on_wait
from perennial_airflow.assets import ChampionAsset, drift_outlet
from perennial_airflow.building.dag_pages import monitoring_page
from perennial_airflow.building.model_specs import dags_by_id, models_folder
from perennial_airflow.building.placement import heavy, light, tags, waiting
from perennial_airflow.building.retries import BACK_OFF
from perennial_airflow.building.schedules import timetable
from perennial_airflow.dag_ids import MONITOR, monitoring_dag
from perennial_airflow.operators.auto_rollback import AutoRollbackOperator
from perennial_airflow.operators.drift_test import DriftTestOperator
from perennial_airflow.operators.govern import GovernOperator
from perennial_airflow.operators.move_cursor import MoveCursorOperator
from perennial_airflow.operators.open_check import OpenCheckOperator
from perennial_airflow.operators.trigger_retraining import TriggerRetrainingOperator
from perennial_airflow.sensors.new_data import NewDataSensor

# The form under "Trigger".
FORM = {
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date-time",
        title="As of",
        description="Newest event time to check. Empty: the newest in the source.",
    ),
}


def drift_monitoring(spec: ModelSpec) -> DAG | None:
    """Return the model's monitoring DAG; None if it is not watched."""
    monitoring = spec.monitoring
    if monitoring is None:
        return None
    with DAG(
        dag_id=monitoring_dag(spec.name),
        description=f"Checks new rows of {spec.name}, and retrains it when they drift.",
        doc_md=monitoring_page(spec, monitoring),
        schedule=timetable(monitoring.schedule),
        catchup=False,
        max_active_runs=1,
        auto_register=False,
        tags=tags(spec, "monitoring"),
        default_args={"owner": spec.owner, **BACK_OFF, **on_failure(spec)},
        **on_failure(spec),
    ) as dag:
        run = {"spec": spec, "as_of": "{{ params.as_of or '' }}"}
        heavy_run, light_run = run | heavy(spec), run | light(spec)
        wait_for_rows = NewDataSensor(task_id="wait_for_rows", **run, **waiting(spec), **on_wait(spec))
        open_check = OpenCheckOperator(task_id="open_check", **heavy_run)
        with TaskGroup("tests") as group:
            tests = [
                DriftTestOperator(task_id=test, test=test, check=open_check.output, **heavy_run)
                for test in get_args(DriftTestName)
            ]
        govern = GovernOperator(
            task_id="govern",
            check=open_check.output,
            results=[test.output for test in tests],
            outlets=[drift_outlet(spec.name)],
            **light_run,
            **on_check(spec),
        )
        trigger_retraining = TriggerRetrainingOperator(
            task_id="trigger_retraining",
            spec=spec,
            entry=govern.output,
            opened_at="{{ ti.xcom_pull(task_ids='open_check', key='opened_at') or '' }}",
            **light(spec),
            **on_trigger(spec),
        )
        move_cursor = MoveCursorOperator(
            task_id="move_cursor",
            entry=govern.output,
            # Runs also when nothing was triggered, but not when triggering failed: then the next run continues this
            # check.
            trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
            **light_run,
        )
        chain(wait_for_rows, open_check, group, govern, trigger_retraining, move_cursor)
        if spec.auto_rollback is not None and spec.auto_rollback.when == "act":
            roll_back = AutoRollbackOperator(
                task_id="roll_back",
                entry=govern.output,
                outlets=[ChampionAsset(spec.name)],
                **light_run,
                **on_auto_rollback(spec),
            )
            chain(govern, roll_back, move_cursor)
        dag.add_result(govern.output)
    # Set last: otherwise each task gets a copy of the params, whose validation would be most of the cost of parsing.
    dag.params = copy.deepcopy(ParamsDict(FORM))
    return dag


globals().update(dags_by_id(models_folder(__file__), MONITOR, drift_monitoring))
