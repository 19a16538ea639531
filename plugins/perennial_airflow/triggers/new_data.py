"""Waits in the triggerer for rows to check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from perennial.errors import PerennialError
from perennial.spec import ModelSpec
from perennial_airflow.new_data import look


class NewDataTrigger(BaseTrigger):
    """Looks at the source at intervals, in a separate thread, so that it does not block the event loop of all triggers.

    The event's `status` is `rows`, `none` (the wait is over and there are too few) or `error`.

    Parameters
    ----------
    spec : str
        The ModelSpec as JSON, so that the triggerer does not need the folder of specs.
    as_of : str or None
        Newest event time to check; None: the newest in the source.
    until : str
        When to stop waiting, ISO 8601 with a zone.
    poll_seconds : float
    """

    def __init__(self, *, spec: str, as_of: str | None, until: str, poll_seconds: float) -> None:
        super().__init__()
        self.spec = spec
        self.as_of = as_of
        self.until = until
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and arguments, from which the triggerer creates it again."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"spec": self.spec, "as_of": self.as_of, "until": self.until, "poll_seconds": self.poll_seconds},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is enough to check, the time is over, or looking fails."""
        spec, until = ModelSpec.model_validate_json(self.spec), datetime.fromisoformat(self.until)
        while True:
            try:
                found = await asyncio.to_thread(look, spec, self.as_of)
            except PerennialError as error:
                # An exception would reach the task only as a failed deferral, without its message and whether to retry.
                yield TriggerEvent({"status": "error", "reason": str(error), "retryable": error.retryable})
                return
            self.log.info("%s", found.reason)
            left = (until - datetime.now(UTC)).total_seconds()
            if found.over or left <= 0:
                ahead = found.cursor_ahead and found.cursor_ahead.isoformat()
                status = "rows" if found.over else "none"
                yield TriggerEvent(
                    {"status": status, "rows": found.rows, "reason": found.reason, "cursor_ahead": ahead}
                )
                return
            await asyncio.sleep(min(self.poll_seconds, left))
