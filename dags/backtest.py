"""One backtest DAG per model spec: begin >> train (one task for each moment of the past) >> compare."""

from __future__ import annotations

import copy

from airflow.sdk import DAG, Param, ParamsDict, chain

from perennial.spec import ModelSpec
from perennial.spec.section import MOST_DAYS
from perennial_airflow.building.dag_pages import spec_page
from perennial_airflow.building.model_specs import dags_by_id, models_folder
from perennial_airflow.building.placement import heavy, tags
from perennial_airflow.building.retries import BACK_OFF
from perennial_airflow.dag_ids import BACKTEST, backtest_dag
from perennial_airflow.operators.backtest import (
    BeginBacktestOperator,
    ComparePoliciesOperator,
    ReplayTrainingOperator,
)

# The form under "Trigger".
FORM = {
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date-time",
        title="As of",
        description="End of the period. Empty: the newest event time in the source.",
    ),
    "days": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        maximum=MOST_DAYS,
        title="Period in days",
        description="Length of the period that is replayed. Empty: the newest three quarters of the history.",
    ),
    "batches": Param(
        26,
        type="integer",
        minimum=4,
        maximum=200,
        title="Batches",
        description="Number of batches into which the period is cut; a model is trained at the end of each.",
    ),
}

PAGE = (
    "Replays retraining policies on the model's history: never, calendars, drift tests, and champions that serve "
    "together. It registers and promotes nothing. Triggered again with the same form, it uses the models that it has "
    "trained before."
)


def backtest(spec: ModelSpec) -> DAG:
    """Return the model's backtest DAG. It has no schedule: a person triggers it."""
    with DAG(
        dag_id=backtest_dag(spec.name),
        description=f"What each retraining policy would have scored for {spec.name}.",
        doc_md=f"{PAGE}\n\n{spec_page(spec)}",
        schedule=None,
        catchup=False,
        max_active_runs=1,
        auto_register=False,
        tags=tags(spec, "backtest"),
        default_args={"owner": spec.owner, **BACK_OFF},
    ) as dag:
        begin = BeginBacktestOperator(
            task_id="begin",
            spec=spec,
            as_of="{{ params.as_of or '' }}",
            days="{{ params.days or '' }}",
            batches="{{ params.batches }}",
            **heavy(spec),
        )
        train = ReplayTrainingOperator.partial(
            task_id="train", spec=spec, map_index_template="{{ task.moment['end'] }}", **heavy(spec)
        ).expand(moment=begin.output)
        compare = ComparePoliciesOperator(task_id="compare", spec=spec, moments=begin.output, **heavy(spec))
        chain(begin, train, compare)
        dag.add_result(compare.output)
    # Set last: every task created later would copy the params, and checking the copies is most of the parse time.
    dag.params = copy.deepcopy(ParamsDict(FORM))
    return dag


globals().update(dags_by_id(models_folder(__file__), BACKTEST, backtest))
