"""Convert the form's values to arguments of the library. Templates render to text, so each value may be text."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from perennial.errors import PerennialError
from perennial.moments import in_utc
from perennial.spec.limits import MOST_TRIALS
from perennial.spec.section import MOST_DAYS

NOTHING = {"", "None", "null"}
LONGEST_REASON = 500
"""Maximum number of characters of a retraining's reason in its form."""


class RunArgumentError(PerennialError):
    """A value from the trigger form, from a connection or from the run's conf cannot be used."""


def as_of(value: datetime | str | None) -> datetime | None:
    """Return the timestamp in UTC, or None if none is given.

    Raises
    ------
    RunArgumentError
        The value is not a timestamp, has no zone, or is outside the years 1 to 9999 in UTC.
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
    """Return the number of days, or None if none is given.

    Raises
    ------
    RunArgumentError
        The value is not a number, not above 0, or longer than the calendar.
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


def whole_number(name: str, value: int | str) -> int:
    """Return the whole number.

    Raises
    ------
    RunArgumentError
        It is none.
    """
    try:
        return int(value)
    except ValueError:
        raise RunArgumentError(f"{name}: {value!r} is not a whole number") from None


def trials(value: int | str | None) -> int | None:
    """Return the number of trials, or None if none is given.

    Raises
    ------
    RunArgumentError
        The value is not a whole number from 1 on.
    """
    if value is None or value in NOTHING:
        return None
    number = whole_number("trials", value)
    if not 1 <= number <= MOST_TRIALS:
        raise RunArgumentError(f"trials: {value!r}: give 1 to {MOST_TRIALS:,}, or nothing for the spec's number")
    return number


def search(value: str) -> Literal["due", "force", "skip"]:
    """Return whether to search.

    Raises
    ------
    RunArgumentError
        The value is none of the three.
    """
    if value == "due" or value == "force" or value == "skip":
        return value
    raise RunArgumentError(f"search: {value!r} is none of due, force and skip")


def flag(name: str, value: bool | str) -> bool:
    """Return the value as a boolean.

    Raises
    ------
    RunArgumentError
        The value is neither true nor false. Guessing could promote a model in what was meant as a dry run.
    """
    if isinstance(value, bool):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise RunArgumentError(f"{name}: {value!r} is neither true nor false")
