"""A stage of a retraining as a task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator, RetryPolicy

from perennial.errors import PerennialError
from perennial.stages import STAGES, maker
from perennial_airflow import run_arguments
from perennial_airflow.building.placement import heavy, light
from perennial_airflow.building.retries import RETRY_WHAT_CAN_CHANGE
from perennial_airflow.deployment import deployment
from perennial_airflow.judged_again import KEPT, earlier_run, kept_result
from perennial_airflow.links.data_docs import DataDocsLink
from perennial_airflow.links.mlflow_run import MlflowRunLink
from perennial_airflow.links.model_card import ModelCardLink
from perennial_airflow.links.model_version import ModelVersionLink
from perennial_airflow.links.tuning_page import TuningPageLink
from perennial_airflow.started_by import started_by

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink
    from airflow.sdk.definitions.context import Context

    from perennial.record import Record
    from perennial.run import RetrainingRun
    from perennial.spec import ModelSpec

LINKS: Mapping[str, tuple[BaseOperatorLink, ...]] = {
    "validate": (DataDocsLink(),),
    "choose": (TuningPageLink(),),
    "train": (MlflowRunLink(),),
    "evaluate": (MlflowRunLink(),),
    "refit": (MlflowRunLink(),),
    "assemble": (MlflowRunLink(),),
    "register": (ModelCardLink(), ModelVersionLink()),
    "approve": (ModelCardLink(), ModelVersionLink()),
    "promote": (ModelCardLink(), ModelVersionLink()),
}
"""The links of the stages that have a page."""


class StageOperator(BaseOperator):
    """Runs the stage of `perennial.stages` with the name of the task; skipped if the stage has nothing to do.

    Makes a `RetrainingRun` from the spec, the form and the DAG run, and calls the stage with it and with the records of
    earlier stages. The stage's record goes to XCom as JSON. Pool, queue and priority are the spec's. The store, data
    root and MLflow server are the deployment's (PERENNIAL_STORE, PERENNIAL_DATA, MLFLOW_TRACKING_URI or the connection
    `mlflow_default`), or those of the spec's region.

    Parameters
    ----------
    task_id : str
        The stage's name.
    spec : ModelSpec
    takes : mapping of str to dict
        Records of earlier stages by name, such as `{"snapshot": ingest.output}`; None for one that was not made.
    as_of : datetime or str, optional
        Newest event time to take, with a time zone; empty or None: the newest in the source.
    window_days : float or str, optional
        Window in days in place of the spec's; empty or None: the spec's.
    dry_run : bool or str
        Stop after the verdict: register nothing, promote nothing.
    reason : str
        Why the run was started; empty: how it was triggered.
    trials : int or str, optional
        Most trials of a search; empty or None: the spec's.
    search : str
        Whether to search: `due`, `force` or `skip`.

    Raises
    ------
    ValueError
        There is no stage of this name, or it takes other records.
    """

    template_fields: ClassVar[tuple[str, ...]] = (
        "takes", "as_of", "window_days", "dry_run", "reason", "trials", "search",
    )  # fmt: skip
    ui_color = "#e6f0e2"

    def __init__(
        self,
        *,
        task_id: str,
        spec: ModelSpec,
        takes: Mapping[str, dict[str, Any] | None] | None = None,
        as_of: datetime | str | None = None,
        window_days: float | str | None = None,
        dry_run: bool | str = False,
        reason: str = "",
        trials: int | str | None = None,
        search: str = "due",
        retry_policy: RetryPolicy | None = RETRY_WHAT_CAN_CHANGE,
        **kwargs: Any,
    ) -> None:
        stage = STAGES.get(task_id)
        if stage is None or set(stage.takes) != set(takes or ()):
            known = "; ".join(f"{one.name}: {', '.join(one.takes) or 'nothing'}" for one in STAGES.values())
            raise ValueError(
                f"{task_id} takes {', '.join(takes or ()) or 'nothing'}? The stages, and what each takes: {known}"
            )
        placed = heavy(spec) if stage.reads_rows else light(spec)
        super().__init__(task_id=task_id, retry_policy=retry_policy, **{"doc_md": stage.again, **placed, **kwargs})
        self.stage = stage
        self.spec = spec
        self.takes = dict(takes or {})
        self.as_of = as_of
        self.window_days = window_days
        self.dry_run = dry_run
        self.reason = reason
        self.trials = trials
        self.search = search
        self.outcome: dict[str, Any] | None = None
        self.retraining_id: str | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Call the stage and return its record as JSON.

        The record is also kept in `outcome`, for the task's callbacks. If the run judges the candidate of an earlier one
        again, a task before `evaluate` returns what it returned there.
        """
        earlier = earlier_run(context["dag_run"].conf)
        if earlier is not None and self.stage.name in KEPT:
            self.retraining_id, self.outcome = earlier, kept_result(context, earlier)
            return self.outcome
        return self.run_stage(self.retraining_run(context))

    def run_stage(self, run: RetrainingRun) -> dict[str, Any]:
        """Call the stage; what cannot be mended by another try is recorded for the ledger."""
        try:
            self.outcome = self.call_stage(run).model_dump(mode="json")
        except PerennialError as error:
            if not error.retryable:
                from perennial.monitoring.ledger import record_failure

                # Stored with the run's reports: the ledger needs it even after Airflow's own record of the run was
                # deleted.
                record_failure(run.store, self.spec.name, run.run_id, str(error))
            raise
        return self.outcome

    def call_stage(self, run: RetrainingRun) -> Any:
        """Call the stage with the records of earlier stages.

        Raises
        ------
        AirflowSkipException
            The stage has nothing to do.
        """
        return self.stage(run, *self.skip_if_nothing_to_do(run))

    def skip_if_nothing_to_do(self, run: RetrainingRun) -> list[Record | None]:
        """Return the records of earlier stages that the stage takes.

        Raises
        ------
        AirflowSkipException
            The stage has nothing to do.
        """
        from airflow.sdk.exceptions import AirflowSkipException

        taken = [self._taken(name) for name in self.stage.takes]
        why_not = self.stage.why_not(run, *taken)
        if why_not:
            raise AirflowSkipException(why_not)
        return taken

    def _taken(self, name: str) -> Record | None:
        content = self.takes[name]
        return None if content is None else maker(name).returns.model_validate(content)

    @property
    def operator_extra_links(self) -> tuple[BaseOperatorLink, ...]:  # type: ignore[override]
        """The stage's links."""
        return LINKS.get(self.stage.name, ())

    def retraining_run(self, context: Context, **source: Any) -> RetrainingRun:
        """Return the arguments of every stage.

        Parameters
        ----------
        context : Context
            Context of the task.
        **source
            `sql_url` or `s3`; only steps that read the source need them.
        """
        from perennial.run import RetrainingRun

        dag_run = context["dag_run"]
        self.retraining_id = earlier_run(dag_run.conf) or dag_run.run_id
        return RetrainingRun(
            spec=self.spec,
            deployment=deployment(self.spec, **source),
            run_id=self.retraining_id,
            now=datetime.now(UTC),
            as_of=run_arguments.as_of(self.as_of),
            window_days=run_arguments.window_days(self.window_days),
            dry_run=run_arguments.flag("dry_run", self.dry_run),
            trials=run_arguments.trials(self.trials),
            search=run_arguments.search(self.search),
            reason=self.reason or f"{dag_run.run_type.value} run",
            triggered_by=started_by(context),
            worker=f"task {self.dag_id}.{self.task_id}, try {context['ti'].try_number}",
        )
