"""The periods whose flights land one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
BATCH_DAYS = 14
"""Whole weeks, so that no batch has more Sundays than another."""
YEAR_ENDS = date(2014, 1, 1)


@dataclass(frozen=True)
class Period:
    """Days in New York, from `start` to before `end`."""

    start: date
    end: date

    @property
    def days(self) -> list[date]:
        """All days of the period."""
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days)]

    @property
    def as_of(self) -> datetime:
        """The last second of the period."""
        return datetime.combine(self.end, time(), ZONE) - timedelta(seconds=1)

    def __str__(self) -> str:
        return f"{self.start:%b %d} to {self.end - timedelta(days=1):%b %d}"


WINTER = Period(date(2013, 1, 1), date(2013, 3, 1))
"""January and February, on which the first champion is trained."""


def batches(until: date = YEAR_ENDS, days: int = BATCH_DAYS) -> list[Period]:
    """Return consecutive periods of so many days from the end of the winter to `until`; the last may be shorter."""
    found = [WINTER]
    while found[-1].end < until:
        found.append(Period(found[-1].end, min(found[-1].end + timedelta(days=days), until)))
    return found[1:]
