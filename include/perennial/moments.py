"""Moments by the calendar, which has the years 1 to 9999 in UTC: as Python's has, and so windows and cursors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return the moment that is so much later, or earlier; the calendar's last or first where it has none.

    Parameters
    ----------
    moment : datetime
        With a zone.
    by : timedelta
    """
    try:
        return moment + by
    except OverflowError:
        return LAST if by > timedelta() else FIRST


def in_utc(moment: datetime) -> datetime:
    """Return a moment that has a zone in UTC.

    Raises
    ------
    ValueError
        There it is outside the calendar, as 0001-01-01T00:00:00+14:00 is.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is outside the years 1 to 9999 (UTC)") from None
