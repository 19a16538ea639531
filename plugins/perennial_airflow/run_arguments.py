"""The form's values as the library wants them. Templates render to text, so each may come as text."""

from __future__ import annotations

from datetime import datetime

from perennial.errors import PerennialError
from perennial.moments import in_utc
from perennial.spec.section import MOST_DAYS

NOTHING = {"", "None", "null"}
LONGEST_REASON = 500
"""Characters of a retraining's reason that its form takes."""


class RunArgumentError(PerennialError):
    """A value from the trigger form, a connection or whoever triggered the run cannot be used."""


def as_of(value: datetime | str | None) -> datetime | None:
    """Return the moment in UTC, or None where none is given.

    Raises
    ------
    RunArgumentError
        It is not a timestamp, has no zone, or is outside the years 1 to 9999 in UTC.
    """
    if value is None or value in NOTHING:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        raise RunArgumentError(f"as_of: {value!r} is not a timestamp: write one such as 2013-03-01T00:00:00Z") from None
    if moment.tzinfo is None:
        raise RunArgumentError(f"as_of: {value!r} has no zone: add one, such as 2013-03-01T00:00:00Z")
    try:
        return in_utc(moment)
    except ValueError as error:
        raise RunArgumentError(f"as_of: {error}") from None


def window_days(value: float | str | None) -> float | None:
    """Return the number of days, or None where none is given.

    Raises
    ------
    RunArgumentError
        It is not a number, not above 0, or more than the days of the calendar.
    """
    if value is None or value in NOTHING:
        return None
    try:
        days = float(value)
    except ValueError:
        raise RunArgumentError(f"window_days: {value!r} is not a number of days") from None
    if not 0 < days <= MOST_DAYS:
        raise RunArgumentError(
            f"window_days: {value!r}: give a number above 0, up to {MOST_DAYS:,}, or nothing for the spec's window"
        )
    return days


def flag(value: bool | str) -> bool:
    """Return the truth value.

    Raises
    ------
    RunArgumentError
        It is neither true nor false: guessing could promote what was meant to be a dry run.
    """
    if isinstance(value, bool):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise RunArgumentError(f"dry_run: {value!r} is neither true nor false")
