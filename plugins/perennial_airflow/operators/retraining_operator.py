"""What the operators of all stages have in common."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator, RetryPolicy

from perennial.errors import PerennialError
from perennial_airflow import run_arguments
from perennial_airflow.deployment import deployment
from perennial_airflow.retries import RETRY_WHAT_CAN_CHANGE
from perennial_airflow.started_by import started_by

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.record import Record
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec


class RetrainingOperator(BaseOperator):
    """Base of all: makes a `RetrainingRun` of the spec, the form and the DAG run, and calls one stage with it.

    Results go to XCom as the JSON of the stage's outcome. The store, data root and MLflow server are the
    deployment's (PERENNIAL_STORE, PERENNIAL_DATA, MLFLOW_TRACKING_URI or the connection `mlflow_default`), or those of
    the spec's region.

    Parameters
    ----------
    spec : ModelSpec
    as_of : datetime or str, optional
        Newest event time to take, with a zone; nothing: the newest in the source.
    window_days : float or str, optional
        In place of the spec's window; nothing: the spec's.
    dry_run : bool or str
        Stop after the verdict: register nothing, promote nothing.
    reason : str
        Why this run; nothing: how it was triggered.
    triggered_by : str
        By whom or what; nothing: as Airflow says.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("as_of", "window_days", "dry_run", "reason", "triggered_by")
    ui_color = "#e6f0e2"

    def __init__(
        self,
        *,
        spec: ModelSpec,
        as_of: datetime | str | None = None,
        window_days: float | str | None = None,
        dry_run: bool | str = False,
        reason: str = "",
        triggered_by: str = "",
        retry_policy: RetryPolicy | None = RETRY_WHAT_CAN_CHANGE,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.spec = spec
        self.as_of = as_of
        self.window_days = window_days
        self.dry_run = dry_run
        self.reason = reason
        self.triggered_by = triggered_by
        self.outcome: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the stage and return its outcome as JSON. It stays in `outcome` too, for the task's links."""
        run = self.retraining_run(context)
        try:
            self.outcome = self.run_stage(run).model_dump(mode="json")
        except PerennialError as error:
            if not error.retryable:
                from perennial.monitoring.ledger import record_failure

                # Beside the run's reports: Airflow's own record of the run may be cleaned away, and the ledger goes on.
                record_failure(run.store, self.spec.name, run.run_id, str(error))
            raise
        return self.outcome

    @abstractmethod
    def run_stage(self, run: RetrainingRun) -> Record:
        """Call the stage with what earlier stages returned."""

    def retraining_run(self, context: Context, **source: Any) -> RetrainingRun:
        """Return the arguments of every stage.

        Parameters
        ----------
        context : Context
            The task's.
        **source
            `sql_url` or `s3`, which only reading the source needs.
        """
        from perennial.run import RetrainingRun

        dag_run = context["dag_run"]
        return RetrainingRun(
            spec=self.spec,
            run_id=dag_run.run_id,
            now=datetime.now(UTC),
            as_of=run_arguments.as_of(self.as_of),
            window_days=run_arguments.window_days(self.window_days),
            dry_run=run_arguments.flag(self.dry_run),
            reason=self.reason or f"{dag_run.run_type.value} run",
            triggered_by=self.triggered_by or started_by(context),
            worker=f"task {self.dag_id}.{self.task_id}, try {context['ti'].try_number}",
            **deployment(self.spec),
            **source,
        )
