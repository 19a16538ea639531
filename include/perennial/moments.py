"""Timestamps within Python's calendar, the years 1 to 9999 in UTC. Windows and cursors cannot go beyond it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return the timestamp shifted by a duration, cut off at the first and last timestamp of the calendar.

    Parameters
    ----------
    moment : datetime
        With a time zone.
    by : timedelta
    """
    try:
        return moment + by
    except OverflowError:
        return LAST if by > timedelta() else FIRST


def in_utc(moment: datetime) -> datetime:
    """Return a timestamp with a time zone, converted to UTC.

    Raises
    ------
    ValueError
        In UTC it is outside the calendar, as 0001-01-01T00:00:00+14:00 is.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is outside the years 1 to 9999 (UTC)") from None
