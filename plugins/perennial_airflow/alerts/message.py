"""An event in words, the same for all channels."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perennial.spec.alerts import EventName
    from perennial_airflow.alerts.events import Event

HAPPENED: Mapping[EventName, str] = {
    "drift": "drift found",
    "retraining_triggered": "retraining triggered",
    "approval_asked": "a person is asked about a candidate",
    "promoted": "new champion",
    "rolled_back": "champion taken back, an earlier version is champion again",
    "rollback_asked": "the new champion is under its floor and the version before is not: roll back?",
    "rejected": "candidate rejected",
    "inconclusive": "candidate proved neither better nor worse, the champion stays",
    "retraining_failed": "retraining failed",
    "monitoring_failed": "monitoring failed",
    "column_gone": "columns of the source are gone or empty",
    "cursor_ahead": "the cursor is after all rows, nothing is checked",
    "breaker_open": "breaker open, no more retraining by drift",
}

LONGEST_REASON = 2000
"""Maximum number of characters of a reason in a message: Slack accepts 3000 in a block.

The linked page has the rest.
"""


def title(event: Event) -> str:
    """Return model and event in one line."""
    return f"{event.model}: {HAPPENED[event.name]}"


def reason(event: Event) -> str:
    """Return the reason in one paragraph, shortened if it is long."""
    return textwrap.shorten(event.reason, LONGEST_REASON, placeholder=" ...")


def facts(event: Event) -> list[tuple[str, str]]:
    """Return the facts as names and values, including the time."""
    known = [(name, str(value)) for name, value in event.facts.items() if value is not None]
    return [*known, ("noticed", f"{event.at:%Y-%m-%d %H:%M:%S} UTC")]
