"""What the operators of a check's steps have in common."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator, RetryPolicy

from perennial_airflow.building.retries import RETRY_WHAT_CAN_CHANGE
from perennial_airflow.xcom import to_xcom

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.record import Record
    from perennial.spec import ModelSpec


class MonitorOperator(BaseOperator):
    """Base class: calls one step of a check, and returns the JSON of its record as XCom.

    Parameters
    ----------
    spec : ModelSpec
    as_of : datetime or str, optional
        Newest event time to check, with a time zone; empty or None: the newest in the source.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("as_of",)
    ui_color = "#dfeaf2"

    def __init__(
        self,
        *,
        spec: ModelSpec,
        as_of: datetime | str | None = None,
        retry_policy: RetryPolicy | None = RETRY_WHAT_CAN_CHANGE,
        **kwargs: Any,
    ) -> None:
        super().__init__(retry_policy=retry_policy, **kwargs)
        self.spec = spec
        self.as_of = as_of
        self.outcome: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the step and return its record as JSON.

        The record is also kept in `outcome`, for the task's callbacks.
        """
        self.outcome = to_xcom(self.run_step(context))
        return self.outcome

    @abstractmethod
    def run_step(self, context: Context) -> Record:
        """Call the step with what earlier steps returned."""
