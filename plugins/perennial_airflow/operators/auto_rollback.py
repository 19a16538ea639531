"""The operator that takes a new champion back where a check decided so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.exceptions import AirflowSkipException

from perennial_airflow.monitor_run import monitor_run
from perennial_airflow.operators.monitor_operator import MonitorOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.promotion.records import Promotion


class AutoRollbackOperator(MonitorOperator):
    """Make the version before champion again, and add an event to each asset among the outlets.

    Skipped if the check decided on no rollback, or if the champion has moved since. A repeated call moves it once.

    Parameters
    ----------
    entry : dict
        XCom of govern.
    **kwargs
        See MonitorOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*MonitorOperator.template_fields, "entry")
    ui_color = "#f6e3df"

    def __init__(self, *, entry: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entry = entry

    def run_step(self, context: Context) -> Promotion:
        """Call `perennial.rollback.decided.roll_back_as_decided`."""
        from perennial.errors import PromotionError
        from perennial.monitoring.records import LedgerEntry
        from perennial.rollback.decided import roll_back_as_decided

        entry = LedgerEntry.model_validate(self.entry)
        try:
            promotion = roll_back_as_decided(monitor_run(self.spec, self.as_of), entry)
        except PromotionError as error:
            # The check has to be closed all the same: the next one is about the champion of then.
            self.log.warning("%s", error)
            raise AirflowSkipException(f"Nothing is rolled back: {error}") from None
        if promotion is None or entry.decision.rollback is None:
            raise AirflowSkipException("The check decided on no rollback.")
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {
                **promotion.model_dump(mode="json"),
                "run_id": entry.decision.rollback.run_id,
                "reason": entry.decision.rollback.reason,
                "rolled_back_by": f"check {entry.sequence}",
            }
        return promotion
