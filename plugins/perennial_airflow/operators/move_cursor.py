"""The operator that closes a check after its retraining was triggered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.monitor_run import monitor_run
from perennial_airflow.operators.monitor_operator import MonitorOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.monitoring.records import MonitorState


class MoveCursorOperator(MonitorOperator):
    """Move cursors, detector and pending alarm past the check. Does nothing if that was done before.

    Parameters
    ----------
    entry : dict
        XCom of govern.
    **kwargs
        See MonitorOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*MonitorOperator.template_fields, "entry")

    def __init__(self, *, entry: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entry = entry

    def run_step(self, context: Context) -> MonitorState:  # noqa: ARG002
        """Call `perennial.monitoring.steps.close_check`."""
        from perennial.monitoring.records import LedgerEntry
        from perennial.monitoring.steps import close_check

        return close_check(monitor_run(self.spec, self.as_of), LedgerEntry.model_validate(self.entry))
