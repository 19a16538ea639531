"""Finds holdouts that are too short for the time for which a model will serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from croniter import croniter

from perennial.spec import Window
from perennial.spec.evaluation import Holdout
from perennial.spec.reading.finding import Caution, Finding
from perennial.spec.schedule import Schedule

MUCH_SHORTER = 1 / 3
"""A holdout shorter than this share of the time between retrainings gives a warning."""

_A_LEAP_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
_OCCURRENCES = 500


def check_holdout(schedule: Schedule, holdout: Holdout, windows: Sequence[Window]) -> Iterator[Finding]:
    """Yield a warning if the holdout is much shorter than the time from one scheduled retraining to the next.

    A champion serves until the next one. A verdict from only a few days, such as holidays, says little about the rest
    of this time.
    """
    days, field = _days(holdout, windows)
    between = _longest_gap(schedule.cron) / timedelta(days=1)
    if days is not None and days < between * MUCH_SHORTER:
        yield Caution(
            ("evaluation", "holdout", field),
            f"the holdout has {days:.3g} days, and up to {between:.3g} lie between two retrainings of the schedule: "
            "the verdict rests on a small part of the time for which the model will serve",
            f"hold out {between * MUCH_SHORTER:.3g} days or more, or retrain more often",
        )


def _days(holdout: Holdout, windows: Sequence[Window]) -> tuple[float | None, str]:
    """Return the length of the holdout in days and the field that sets it; None if the length depends on the rows."""
    if holdout.days is not None:
        return holdout.days, "days"
    lengths = [window.days for window in windows if window.days is not None]
    if holdout.fraction is not None and len(lengths) == len(windows):
        return holdout.fraction * min(lengths), "fraction"
    return None, ""


def _longest_gap(cron: str) -> timedelta:
    times = islice(croniter(cron, _A_LEAP_YEAR, ret_type=datetime).all_next(), _OCCURRENCES)
    end = _A_LEAP_YEAR + timedelta(days=5 * 366)
    gaps = [timedelta(0)]
    for before, after in pairwise(times):
        gaps.append(after - before)
        if after > end:
            break
    return max(gaps)
