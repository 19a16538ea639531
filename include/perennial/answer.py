"""What a person says when asked about a candidate."""

from __future__ import annotations

from datetime import datetime

from perennial.record import Record


class Answer(Record):
    """What a person said when asked about a candidate."""

    approved: bool
    by: str
    """Who answered; 'nobody': the time was over."""
    at: datetime
    """When, UTC."""
    reason: str = ""

    @property
    def sentence(self) -> str:
        """The answer in words."""
        why = f": {self.reason.rstrip('.')}" if self.reason else ""
        return f"{'Approved' if self.approved else 'Refused'} by {self.by} on {self.at:%Y-%m-%d %H:%M} UTC{why}."
