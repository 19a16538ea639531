"""Find holdouts that say little about the time for which a model will serve."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from croniter import croniter

from perennial.spec import Window
from perennial.spec.evaluation import Holdout
from perennial.spec.reading.finding import Caution, Finding
from perennial.spec.schedule import Schedule

MUCH_SHORTER = 1 / 3
"""A holdout of less than this part of the time between retrainings is said."""

_A_LEAP_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
_OCCURRENCES = 500


def check_holdout(schedule: Schedule, holdout: Holdout, window: Window) -> Iterator[Finding]:
    """Yield a warning where the holdout is much shorter than the time from one scheduled retraining to the next.

    A champion serves until the next one. A verdict that rests on a few days of that, such as holidays, says little about
    the rest.
    """
    days, field = _days(holdout, window)
    between = _longest_gap(schedule.cron) / timedelta(days=1)
    if days is not None and days < between * MUCH_SHORTER:
        yield Caution(
            ("evaluation", "holdout", field),
            f"the holdout has {days:.3g} days, and up to {between:.3g} lie between two retrainings of the schedule: the "
            "verdict rests on a small part of the time for which the model will serve",
            f"hold out {between * MUCH_SHORTER:.3g} days or more, or retrain more often",
        )


def _days(holdout: Holdout, window: Window) -> tuple[float | None, str]:
    """Return how long the holdout is, None where only the rows know, and the field that says so."""
    if holdout.days is not None:
        return holdout.days, "days"
    if holdout.fraction is not None and window.days is not None:
        return holdout.fraction * window.days, "fraction"
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
