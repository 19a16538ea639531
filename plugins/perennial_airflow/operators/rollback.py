"""The steps of a rollback as tasks: examine the version, then move the alias."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator, RetryPolicy

from perennial_airflow import run_arguments
from perennial_airflow.building.retries import RETRY_WHAT_CAN_CHANGE
from perennial_airflow.deployment import deployment
from perennial_airflow.started_by import started_by
from perennial_airflow.xcom import to_xcom

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.record import Record
    from perennial.rollback.request import RollbackRequest
    from perennial.run import Run
    from perennial.spec import ModelSpec


class RollbackOperator(BaseOperator):
    """Base class: a step of a rollback, which returns the JSON of its record as XCom.

    Parameters
    ----------
    spec : ModelSpec
    version : str
        Number of a version, or `previous`.
    reason : str
    force : bool or str
        Roll back in spite of objections.
    chosen_by : str
        Who chose the version from the list; empty: whoever triggered the run named it.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("version", "reason", "force", "chosen_by")
    ui_color = "#f6e3df"

    def __init__(
        self,
        *,
        spec: ModelSpec,
        version: str,
        reason: str,
        force: bool | str = False,
        chosen_by: str = "",
        retry_policy: RetryPolicy | None = RETRY_WHAT_CAN_CHANGE,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.spec = spec
        self.version = version
        self.reason = reason
        self.force = force
        self.chosen_by = chosen_by
        self.outcome: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Take the step and return its record as JSON.

        The record is also kept in `outcome`, for the task's callbacks.
        """
        self.outcome = to_xcom(self.take_step(context, self.request(context)))
        return self.outcome

    def request(self, context: Context) -> RollbackRequest:
        """Return what the form and the DAG run ask for."""
        from perennial.rollback.request import RollbackRequest

        return RollbackRequest(
            to=self.version,
            reason=self.reason,
            by=started_by(context) + (f", version chosen by {self.chosen_by}" if self.chosen_by else ""),
            run_id=context["dag_run"].run_id,
            force=run_arguments.flag("force", self.force),
        )

    def run_of(self, **source: Any) -> Run:
        """Return the places of the model; `source` as of `deployment`."""
        from perennial.run import Run

        return Run(spec=self.spec, deployment=deployment(self.spec, **source), now=datetime.now(UTC))

    @abstractmethod
    def take_step(self, context: Context, request: RollbackRequest) -> Record:
        """Take the step."""


class ExamineOperator(RollbackOperator):
    """Find out whether the version can and should be champion again. Changes nothing."""

    def take_step(self, context: Context, request: RollbackRequest) -> Record:  # noqa: ARG002
        """Call `perennial.rollback.examine.examine`."""
        from perennial.rollback.examine import examine
        from perennial_airflow.hooks.source import SourceHook

        return examine(self.run_of(**SourceHook(self.spec.source, self.spec.region).arguments()), request)


class RollBackOperator(RollbackOperator):
    """Move the alias `champion` back, and add an event to each asset among the outlets.

    Parameters
    ----------
    examination : dict
        XCom of examine.
    **kwargs
        See RollbackOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*RollbackOperator.template_fields, "examination")

    def __init__(self, *, examination: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.examination = examination

    def take_step(self, context: Context, request: RollbackRequest) -> Record:
        """Call `perennial.rollback.roll_back.roll_back`."""
        from perennial.rollback.records import Examination
        from perennial.rollback.roll_back import roll_back

        examination = Examination.model_validate(self.examination)
        promotion = roll_back(self.run_of(), request, examination)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {
                **promotion.model_dump(mode="json"),
                "run_id": request.run_id,
                "reason": request.reason,
                "rolled_back_by": request.by,
            }
        return promotion
