"""The operator that triggers the retraining DAG."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator, RetryPolicy
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

from perennial_airflow.building.retries import RETRY_WHAT_CAN_CHANGE
from perennial_airflow.dag_ids import retraining_dag
from perennial_airflow.links.triggered_run import TriggeredRunLink
from perennial_airflow.run_arguments import LONGEST_REASON

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.monitoring.records import LedgerEntry
    from perennial.spec import ModelSpec


class TriggerRetrainingOperator(BaseOperator):
    """Trigger the retraining that was decided on.

    The run id is that of the decision, so a repeated call does not start a second run.
    Skipped if nothing is to be triggered, if it was triggered before, or if the champion has moved since. Works as Airflow's TriggerDagRunOperator, but
    without importing Airflow's database models, which would take each task of the DAG more than a second.

    Parameters
    ----------
    spec : ModelSpec
    entry : dict
        XCom of govern.
    opened_at : str, optional
        When the check was opened. It is sent with the evidence, to report how long it took until a new champion.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("entry", "opened_at")
    operator_extra_links = (TriggeredRunLink(),)
    ui_color = "#f4e3d0"

    def __init__(
        self,
        *,
        spec: ModelSpec,
        entry: dict[str, Any],
        opened_at: str = "",
        retry_policy: RetryPolicy | None = RETRY_WHAT_CAN_CHANGE,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.spec = spec
        self.entry = entry
        self.opened_at = opened_at

    def execute(self, context: Context) -> NoReturn:
        """Trigger the retraining if the decision says so.

        Raises
        ------
        AirflowSkipException
            There is nothing to trigger.
        DagRunTriggerException
            Airflow's way to trigger a run.
        """
        from perennial.monitoring.records import LedgerEntry
        from perennial.monitoring.superseded import superseded
        from perennial_airflow.monitor_run import monitor_run
        from perennial_airflow.telemetry.metrics import count_retraining

        entry = LedgerEntry.model_validate(self.entry)
        decision = entry.decision
        if decision.outcome != "trigger" or decision.run_id is None:
            raise AirflowSkipException(f"Nothing is triggered ({decision.outcome}). {' '.join(decision.reasons)}")
        task, dag_id = context["ti"], retraining_dag(entry.model)
        if task.get_dr_count(dag_id, run_ids=[decision.run_id]):
            raise AirflowSkipException(f"{dag_id} {decision.run_id} was triggered before")
        why_not = superseded(monitor_run(self.spec, None), entry)
        if why_not:
            raise AirflowSkipException(why_not)
        if task.get_dag(dag_id).is_paused:
            self.log.warning("%s is paused: the retraining stays queued until someone unpauses it", dag_id)
        count_retraining(entry)
        raise DagRunTriggerException(
            trigger_dag_id=dag_id,
            dag_run_id=decision.run_id,
            conf=retraining_conf(entry, opened_at=self.opened_at),
            # A logical date would be a second unique key: another run with the same date would be taken for this one.
            logical_date=None,
            skip_when_already_exists=True,
            reset_dag_run=False,
            wait_for_completion=False,
            allowed_states=[],
            failed_states=[],
            poke_interval=60,
            deferrable=False,
        )


def retraining_conf(entry: LedgerEntry, *, opened_at: str = "") -> dict[str, Any]:
    """Return the conf of the retraining: `as_of` of the check, the reasons, and the evidence."""
    from perennial_airflow.evidence import evidence

    return {
        "as_of": entry.as_of.isoformat(),
        "reason": textwrap.shorten(" ".join(entry.decision.reasons), LONGEST_REASON, placeholder=" ..."),
        "evidence": evidence(entry) | ({"opened_at": opened_at} if opened_at else {}),
    }
