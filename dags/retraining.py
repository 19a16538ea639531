"""One retraining DAG per model spec: ingest >> validate >> train >> evaluate >> decide >> register >> promote."""

from __future__ import annotations

import copy

from airflow.sdk import DAG, Param, ParamsDict, TriggerRule, chain

from perennial.spec import ModelSpec
from perennial.spec.section import MOST_DAYS
from perennial_airflow.alerts.callbacks import on_failure, on_verdict
from perennial_airflow.champion_asset import ChampionAsset
from perennial_airflow.dag_ids import RETRAIN, retraining_dag
from perennial_airflow.model_specs import dags_by_id, models_folder
from perennial_airflow.monitoring_schedule import timetable
from perennial_airflow.operators.decide import DecideOperator
from perennial_airflow.operators.evaluate import EvaluateOperator
from perennial_airflow.operators.ingest import IngestOperator
from perennial_airflow.operators.promote import PromoteOperator
from perennial_airflow.operators.register import RegisterOperator
from perennial_airflow.operators.train import TrainOperator
from perennial_airflow.operators.validate import ValidateOperator
from perennial_airflow.placement import heavy, light, tags
from perennial_airflow.retries import BACK_OFF
from perennial_airflow.run_arguments import LONGEST_REASON
from perennial_airflow.spec_page import spec_page

# What a person fills in under "Trigger".
FORM = {
    "as_of": Param(
        None,
        type=["null", "string"],
        format="date-time",
        title="As of",
        description="Newest event time to take. Empty: the newest in the source.",
    ),
    "window_days": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        maximum=MOST_DAYS,
        title="Window in days",
        description="Days before 'as of' to take, in place of the spec's window. Empty: the spec's.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Dry run",
        description="Stop after the verdict: register nothing, promote nothing.",
    ),
    "reason": Param(
        None,
        type=["null", "string"],
        maxLength=LONGEST_REASON,
        title="Reason",
        description="Why you retrain now; kept with the model version.",
    ),
    "evidence": Param(
        None,
        type=["null", "object"],
        title="Evidence",
        description="What the monitoring DAG found, where it is who retrains. Leave it empty.",
    ),
}


def retraining(spec: ModelSpec) -> DAG:
    """Return the model's retraining DAG."""
    with DAG(
        dag_id=retraining_dag(spec.name),
        description=spec.description.partition("\n")[0],
        doc_md=spec_page(spec),
        schedule=timetable(spec.schedule),
        catchup=False,
        max_active_runs=1,
        auto_register=False,
        tags=tags(spec, "retraining"),
        default_args={"owner": spec.owner, **BACK_OFF, **on_failure(spec)},
        **on_failure(spec),
    ) as dag:
        run = {
            "spec": spec,
            "as_of": "{{ params.as_of or '' }}",
            "window_days": "{{ params.window_days or '' }}",
            "dry_run": "{{ params.dry_run }}",
            "reason": "{{ params.reason or '' }}",
            "triggered_by": "{{ 'drift check %s' % params.evidence.check if params.evidence else '' }}",
        }
        heavy_run, light_run = run | heavy(spec), run | light(spec)
        ingest = IngestOperator(task_id="ingest", **heavy_run)
        validate = ValidateOperator(task_id="validate", snapshot=ingest.output, **heavy_run)
        train = TrainOperator(task_id="train", snapshot=ingest.output, **heavy_run)
        evaluate = EvaluateOperator(task_id="evaluate", snapshot=ingest.output, candidate=train.output, **heavy_run)
        decide = DecideOperator(task_id="decide", evaluation=evaluate.output, candidate=train.output, **light_run)
        register = RegisterOperator(
            task_id="register",
            candidate=train.output,
            evaluation=evaluate.output,
            verdict=decide.output,
            **light_run,
        )
        promote = PromoteOperator(
            task_id="promote",
            registered=register.output,
            verdict=decide.output,
            outlets=[ChampionAsset(spec.name)],
            # After a dry run's skipped register it still starts, to say in its own log why it does nothing.
            trigger_rule=TriggerRule.NONE_FAILED,
            **light_run,
            **on_verdict(spec),
        )
        chain(ingest, validate, train, evaluate, decide, register, promote)
        dag.add_result(decide.output)
    # Set last: each task made after it would carry a copy, and checking those is most of what parsing costs.
    dag.params = copy.deepcopy(ParamsDict(FORM))
    return dag


globals().update(dags_by_id(models_folder(__file__), RETRAIN, retraining))
