"""Which failures are worth another try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.context import Context
from airflow.sdk.definitions.retry_policy import RetryDecision

from perennial.errors import PerennialError


class RetryWhatCanChange(RetryPolicy):
    """End the retries at once where the same call would fail again: failed validation, bad spec, bad data.

    All else follows the task's `retries`, `retry_delay` and back-off: a server that was away, and what nobody foresaw.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Decide by the error's own `retryable`. The reason becomes the last line of the task's log."""
        if isinstance(exception, PerennialError) and not exception.retryable:
            return RetryDecision.fail(reason=f"Not tried again, since it would fail again: {exception}")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Return what identifies the policy; it has no settings."""
        return {"__type": type(self).__name__}


RETRY_WHAT_CAN_CHANGE = RetryWhatCanChange()

BACK_OFF = {
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
}
"""How often and when tasks are tried again: among a DAG's default arguments."""
