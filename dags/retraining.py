"""One retraining DAG for each spec: ingest >> validate >> train >> evaluate >> decide >> refit >> register >> promote.

A spec with packages has two more: refit >> package >> rehearse >> register; with a package index, publish comes last.
A spec with candidates also has a search: validate >> tune (as many tasks as there are trials at a time) >> choose >> train.
"""

from __future__ import annotations

import copy
from typing import Any

from airflow.sdk import DAG, Param, ParamsDict, TriggerRule, chain

from perennial.spec import ModelSpec
from perennial.spec.limits import MOST_TRIALS
from perennial.spec.section import MOST_DAYS
from perennial.stages import STAGES
from perennial_airflow.alerts.callbacks import on_failure, on_ingest, on_verdict
from perennial_airflow.assets import ChampionAsset
from perennial_airflow.building.dag_pages import spec_page
from perennial_airflow.building.model_specs import dags_by_id, models_folder
from perennial_airflow.building.placement import heavy, tags
from perennial_airflow.building.retries import BACK_OFF
from perennial_airflow.building.schedules import timetable
from perennial_airflow.dag_ids import RETRAIN, retraining_dag
from perennial_airflow.operators.ingest import IngestOperator
from perennial_airflow.operators.promote import PromoteOperator
from perennial_airflow.operators.publish import PublishOperator
from perennial_airflow.operators.stage import StageOperator
from perennial_airflow.operators.tune import TuneOperator
from perennial_airflow.run_arguments import LONGEST_REASON

# The form under "Trigger". The monitoring DAG adds its evidence: see trigger_retraining.
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
}

# The form of specs that search has these, too.
SEARCH_FORM = {
    "trials": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=MOST_TRIALS,
        title="Trials",
        description="Most trials of the search. Empty: as many as the spec says.",
    ),
    "search": Param(
        "due",
        type="string",
        enum=["due", "force", "skip"],
        title="Search",
        description="Search if it is due by the spec, in any case (force), or take what the last search found (skip).",
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
        }
        if spec.tunes:
            run |= {"trials": "{{ params.trials or '' }}", "search": "{{ params.search }}"}
        ingest = IngestOperator(task_id="ingest", **run, **on_ingest(spec))
        snapshot = ingest.output
        validate = StageOperator(task_id="validate", takes={"snapshot": snapshot}, **run)
        searching = _search(spec, snapshot, run) if spec.tunes else []
        tuning = searching[-1].output if searching else None
        train = StageOperator(task_id="train", takes={"snapshot": snapshot, "tuning": tuning}, **run)
        candidate = train.output
        evaluate = StageOperator(task_id="evaluate", takes={"snapshot": snapshot, "candidate": candidate}, **run)
        evaluation = evaluate.output
        decide = StageOperator(task_id="decide", takes={"evaluation": evaluation, "candidate": candidate}, **run)
        verdict = decide.output
        refit = StageOperator(
            task_id="refit", takes={"snapshot": snapshot, "candidate": candidate, "verdict": verdict}, **run
        )
        judged = {"candidate": candidate, "evaluation": evaluation, "verdict": verdict, "refit": refit.output}
        # If a stage is skipped, the result of the stage before it serves.
        going_on = {"trigger_rule": TriggerRule.NONE_FAILED, **run}
        assemble = StageOperator(task_id="assemble", takes=judged, **going_on) if spec.model.ensemble else None
        judged["assembly"] = assemble.output if assemble else None
        packaging = _packaging(snapshot, judged, going_on) if spec.packages else []
        if packaging:
            verdict = judged["verdict"] = packaging[-1].output
        register = StageOperator(task_id="register", takes=judged, **going_on)
        asked = {"registered": register.output, "verdict": verdict}
        approve = _approve(asked, going_on) if spec.approval.when != "never" else None
        promote = PromoteOperator(
            task_id="promote",
            takes={**asked, "answered": approve.output if approve else None},
            outlets=[ChampionAsset(spec.name)],
            # Runs even if register was skipped by a dry run, so that its own log says why it does nothing.
            trigger_rule=TriggerRule.NONE_FAILED,
            **run,
            **on_verdict(spec),
        )
        judging = (train, evaluate, decide, refit, *([assemble] if assemble else []), *packaging, register)
        publishing = [_publish(packaging[0].output, promote.output, run)] if spec.publish else []
        chain(ingest, validate, *searching, *judging, *([approve] if approve else []), promote, *publishing)
        dag.add_result(verdict)
    # Set last: otherwise each task gets a copy of the params, whose validation would be most of the cost of parsing.
    dag.params = copy.deepcopy(ParamsDict(FORM | SEARCH_FORM if spec.tunes else FORM))
    return dag


def _approve(asked: dict[str, Any], run: dict[str, Any]) -> StageOperator:
    # Imported for the specs that ask only.
    from perennial_airflow.operators.approve import ApproveOperator

    return ApproveOperator(task_id="approve", takes=asked, **run)


def _search(spec: ModelSpec, snapshot: Any, run: dict[str, Any]) -> list[Any]:
    tune = TuneOperator.partial(
        task_id="tune",
        takes={"snapshot": snapshot},
        map_index_template="process {{ task.process }}",
        doc_md=STAGES["tune"].again,
        **run,
        **heavy(spec),
    ).expand(process=list(range(1, spec.search.parallel + 1)))
    return [tune, StageOperator(task_id="choose", takes={"snapshot": snapshot}, **run)]


def _packaging(snapshot: Any, judged: dict[str, Any], run: dict[str, Any]) -> list[Any]:
    """Return the tasks that make packages and run them; the last one adds to the verdict."""
    made = {name: judged[name] for name in ("candidate", "verdict", "refit", "assembly")}
    package = StageOperator(task_id="package", takes=made, **run)
    taken = {"snapshot": snapshot, "packages": package.output, "verdict": judged["verdict"]}
    return [package, StageOperator(task_id="rehearse", takes=taken, **run)]


def _publish(packages: Any, promotion: Any, run: dict[str, Any]) -> Any:
    return PublishOperator(task_id="publish", takes={"packages": packages, "promotion": promotion}, **run)


globals().update(dags_by_id(models_folder(__file__), RETRAIN, retraining))
