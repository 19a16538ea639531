"""Compare this machine's clock with that of another machine."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from perennial.preflight.fault import Fault

MAX_SECONDS_APART = 10.0
"""Airflow's API server refuses the tokens of tasks whose clock differs by more (`[api_auth] jwt_leeway`)."""


def now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Reading:
    """The time of another machine's clock, and this machine's time before the request and after the answer."""

    place: str
    theirs: datetime
    before: datetime
    after: datetime

    @property
    def seconds_apart(self) -> float:
        """Smallest difference in seconds that explains the reading; positive if the other clock is ahead.

        The other clock gives whole seconds, so a difference of less than one second counts as none.
        """
        ahead = (self.theirs - self.after).total_seconds()
        behind = (self.before - self.theirs).total_seconds() - 1.0
        return ahead if ahead > 0 else -behind if behind > 0 else 0.0


def check_clock(reading: Reading) -> str:
    """Compare the two clocks of a reading.

    Returns
    -------
    str
        The finding in words.

    Raises
    ------
    Fault
        The clocks are further apart than Airflow's tokens allow.
    """
    apart = reading.seconds_apart
    if abs(apart) > MAX_SECONDS_APART:
        raise Fault(
            f"clocks apart: it is {_shown(reading.after)} here and {_shown(reading.theirs)} at {reading.place}, "
            f"{abs(apart):.0f} seconds {'later' if apart > 0 else 'earlier'}. Set both machines' clocks by NTP (see "
            f"`timedatectl`): more than {MAX_SECONDS_APART:.0f} seconds apart, tasks' tokens and S3's signatures are "
            "refused"
        )
    return f"clock within {max(1, round(abs(apart)))} s of ours"


def check_clock_of(url: str) -> str:
    """Compare with the clock of an HTTP server, by the Date header of its answer, whatever its status.

    A server that does not answer is not a fault: the returned text says that nothing was compared.

    Raises
    ------
    Fault
        The clocks are too far apart.
    """
    before = now()
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (the deployment's own setting)
            date = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        date = error.headers["Date"]
    except (OSError, ValueError):
        return f"{url} does not answer yet, its clock is not compared"
    return check_date(url, date, before)


def check_date(place: str, date: str | None, before: datetime) -> str:
    """Compare with the Date header of an answer. `before` is this machine's time when it was requested."""
    after = now()
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return "no clock to compare"
    return check_clock(Reading(place, theirs.replace(tzinfo=theirs.tzinfo or UTC), before, after))


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
