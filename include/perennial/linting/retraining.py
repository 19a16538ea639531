"""Find settings of monitoring and retraining that cannot have any effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perennial.spec import Window
from perennial.spec.monitoring import Monitoring, Retraining
from perennial.spec.reading.finding import Caution, Finding


def check_retraining(retraining: Retraining) -> Iterator[Finding]:
    """Yield a finding where one limit makes another one ineffective."""
    reset, cooldown = retraining.breaker.reset_days, retraining.cooldown_days
    if reset < cooldown:
        yield Finding(
            ("retraining", "breaker", "reset_days"),
            f"{reset:g} days are over before cooldown_days: {cooldown:g}, so the breaker never holds anything back",
            f"make it longer than {cooldown:g}",
        )
    budget = retraining.at_most
    if budget.retrainings * cooldown >= budget.days:
        yield Caution(
            ("retraining", "at_most"),
            f"the budget of {budget.retrainings} in {budget.days:g} days is never used up: with cooldown_days: "
            f"{cooldown:g} there cannot be more",
        )


LARGE_PART = 0.5
"""A check that waits for more than this part of the window's rows is said."""


def check_batches(monitoring: Monitoring, windows: Sequence[Window]) -> Iterator[Finding]:
    """Yield a warning where a check waits for a large part of the rows that a training takes."""
    sizes = [window.rows for window in windows if window.rows is not None]
    if not sizes or monitoring.min_rows <= LARGE_PART * min(sizes):
        return
    rows = min(sizes)
    most = int(LARGE_PART * rows)
    part = (
        f"more than the whole window has ({rows})"
        if monitoring.min_rows > rows
        else f"{monitoring.min_rows / rows:.0%} of the window's {rows}"
    )
    yield Caution(
        ("monitoring", "min_rows"),
        f"a check waits for {monitoring.min_rows} new rows, {part}, so drift is found late",
        f"set it to {most} or less",
    )
