"""Decide which failures are tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.context import Context
from airflow.sdk.definitions.retry_policy import RetryDecision

from perennial.errors import PerennialError


class RetryWhatCanChange(RetryPolicy):
    """Do not retry if the same call would fail again: failed validation, wrong spec, bad data.

    All other errors follow the task's `retries`, `retry_delay` and back-off, for example a server that did not answer.
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
        """Return the policy's settings, of which it has none."""
        return {"__type": type(self).__name__}


RETRY_WHAT_CAN_CHANGE = RetryWhatCanChange()

BACK_OFF = {
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=10),
}
"""Default arguments of a DAG: how often and when its tasks are tried again."""
