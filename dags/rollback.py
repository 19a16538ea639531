"""One rollback DAG per model spec: choose >> examine >> roll_back. A person triggers it, with a version and a reason."""

from __future__ import annotations

import copy

from airflow.sdk import DAG, Param, ParamsDict, chain

from perennial.spec import ModelSpec
from perennial_airflow.alerts.callbacks import on_rollback
from perennial_airflow.assets import ChampionAsset
from perennial_airflow.building.dag_pages import spec_page
from perennial_airflow.building.model_specs import dags_by_id, models_folder
from perennial_airflow.building.placement import heavy, light, tags
from perennial_airflow.building.retries import BACK_OFF
from perennial_airflow.dag_ids import ROLLBACK, rollback_dag
from perennial_airflow.operators.choose_version import CHOSEN_BY, LIST, ChooseVersionOperator
from perennial_airflow.operators.rollback import ExamineOperator, RollBackOperator
from perennial_airflow.run_arguments import LONGEST_REASON

# The form under "Trigger". It cannot list the versions, since DAG files read neither store nor MLflow: `choose` can.
FORM = {
    "version": Param(
        "previous",
        type="string",
        pattern=f"^(previous|{LIST}|[1-9][0-9]*)$",
        examples=["previous", LIST],
        title="Version",
        description=f"`previous`: the one that the champion replaced. `{LIST}`: the task `choose` shows those that were "
        "champion, with figures, and waits for your choice. Or the number of a version.",
    ),
    "reason": Param(
        type="string",
        minLength=3,
        maxLength=LONGEST_REASON,
        title="Reason",
        description="Why the champion is taken back; kept in the ledger of champions.",
    ),
    "force": Param(
        False,
        type="boolean",
        title="Force",
        description="Roll back even if the version scores worse on the newest labels, or if the source lacks its columns. "
        "Recorded. A damaged version is refused even so.",
    ),
}

PAGE = (
    "Makes an earlier version champion again: reference and thresholds follow from the version, so one alias moves them "
    "all. `choose` passes the version on, or asks for one. `examine` changes nothing: it loads the version, looks for its columns in the source, and compares it with "
    "the champion on the newest rows with labels. The same candidate is not promoted again without something new."
)


def rollback(spec: ModelSpec) -> DAG:
    """Return the model's rollback DAG. It has no schedule: a person triggers it."""
    with DAG(
        dag_id=rollback_dag(spec.name),
        description=f"Makes an earlier version of {spec.name} champion again.",
        doc_md=f"{PAGE}\n\n{spec_page(spec)}",
        schedule=None,
        catchup=False,
        max_active_runs=1,
        auto_register=False,
        tags=tags(spec, "rollback"),
        default_args={"owner": spec.owner, **BACK_OFF},
    ) as dag:
        choose = ChooseVersionOperator(task_id="choose", spec=spec, version="{{ params.version }}", **light(spec))
        asked = {
            "spec": spec,
            "version": choose.output,
            "chosen_by": f"{{{{ ti.xcom_pull(task_ids='choose', key='{CHOSEN_BY}') or '' }}}}",
            "reason": "{{ params.reason }}",
            "force": "{{ params.force }}",
        }
        examine = ExamineOperator(task_id="examine", **asked, **heavy(spec))
        roll_back = RollBackOperator(
            task_id="roll_back",
            examination=examine.output,
            outlets=[ChampionAsset(spec.name)],
            **asked,
            **light(spec),
            **on_rollback(spec),
        )
        chain(choose, examine, roll_back)
        dag.add_result(roll_back.output)
    # Set last: every task created later would copy the params, and checking the copies is most of the parse time.
    dag.params = copy.deepcopy(ParamsDict(FORM))
    return dag


globals().update(dags_by_id(models_folder(__file__), ROLLBACK, rollback))
