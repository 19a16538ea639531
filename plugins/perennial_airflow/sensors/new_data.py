"""Waits until there is enough to check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseSensorOperator, PokeReturnValue, RetryPolicy
from airflow.sdk.exceptions import AirflowSkipException

from perennial.errors import PerennialError
from perennial_airflow.building.retries import RETRY_WHAT_CAN_CHANGE
from perennial_airflow.building.schedules import end_of_wait
from perennial_airflow.new_data import look

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.spec import ModelSpec

# The wait ends at a fixed time, whatever the number of tries, so Airflow's own timeout must never be reached.
AIRFLOWS_LIMIT = timedelta(days=3660)
# The triggerer ends the wait itself. If none is running, the task fails after this additional time.
NO_TRIGGERER = timedelta(minutes=10)


class WaitingFailed(PerennialError):
    """The triggerer could not look for rows.

    Parameters
    ----------
    message : str
    retryable : bool
        Whether the triggerer's error was retryable.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class NewDataSensor(BaseSensorOperator):
    """Succeeds when there are enough rows, or a check is due with fewer; skipped when the wait is over before that.

    The wait is over when the next scheduled run is due; for other runs, an hour after they were due. The result,
    `{rows, reason}`, is the same when deferred, in poke and in reschedule mode.

    Parameters
    ----------
    spec : ModelSpec
    as_of : datetime or str, optional
        Newest event time to check, with a time zone; empty or None: the newest in the source.
    deferrable : bool
        True: wait in the triggerer. False: wait as `mode` says.
    **kwargs
        See BaseSensorOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = ("as_of",)
    ui_color = "#dfeaf2"

    def __init__(
        self,
        *,
        spec: ModelSpec,
        as_of: datetime | str | None = None,
        deferrable: bool = True,
        retry_policy: RetryPolicy | None = RETRY_WHAT_CAN_CHANGE,
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout=AIRFLOWS_LIMIT, retry_policy=retry_policy, **kwargs)
        self.spec = spec
        self.as_of = as_of
        # For the callback: position of the cursor and the message, if the cursor is after all rows.
        self.cursor_ahead: tuple[str, str] | None = None
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Look at the source, and wait only if there is not enough to check."""
        if not self.deferrable:
            return super().execute(context)
        found = self.poke(context)
        return found.xcom_value if found else self._wait_in_triggerer(self.until(context))

    def poke(self, context: Context) -> PokeReturnValue:
        """Look at the source once.

        Raises
        ------
        AirflowSkipException
            There are too few rows, and the wait is over.
        """
        from perennial_airflow.telemetry.metrics import count_look

        found = look(self.spec, self.as_of)
        count_look(self.spec)
        self.log.info("%s", found.reason)
        if not found.over and datetime.now(UTC) >= self.until(context):
            self._skip(found.reason, found.cursor_ahead and found.cursor_ahead.isoformat())
        return PokeReturnValue(found.over, {"rows": found.rows, "reason": found.reason})

    def until(self, context: Context) -> datetime:
        """Return the time at which the wait ends."""
        dag_run = context["dag_run"]
        schedule = self.spec.watch.schedule
        return end_of_wait(schedule, dag_run.run_after, scheduled=dag_run.run_type.value == "scheduled")

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the trigger's result.

        Raises
        ------
        AirflowSkipException
            There were too few rows until the wait was over.
        WaitingFailed
            The trigger could not look at the source.
        """
        self.log.info("%s", event["reason"])
        if event["status"] == "error":
            raise WaitingFailed(event["reason"], retryable=event["retryable"])
        if event["status"] == "none":
            self._skip(event["reason"], event["cursor_ahead"])
        return {"rows": event["rows"], "reason": event["reason"]}

    def _skip(self, reason: str, cursor_ahead: str | None) -> NoReturn:
        if cursor_ahead is not None:
            self.cursor_ahead = cursor_ahead, reason
        raise AirflowSkipException(f"No check. {reason}")

    def _wait_in_triggerer(self, until: datetime) -> NoReturn:
        from perennial_airflow.triggers.new_data import NewDataTrigger

        as_of = self.as_of.isoformat() if isinstance(self.as_of, datetime) else self.as_of
        self.defer(
            trigger=NewDataTrigger(
                # Only the fields set in the file: with all defaults, fields that exclude each other would be set.
                spec=self.spec.model_dump_json(exclude_unset=True),
                as_of=as_of,
                until=until.isoformat(),
                poll_seconds=self.poke_interval,
            ),
            method_name="execute_complete",
            timeout=until - datetime.now(UTC) + NO_TRIGGERER,
        )
