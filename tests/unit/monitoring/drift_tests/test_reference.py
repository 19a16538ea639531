from __future__ import annotations

import pandas as pd
import pytest

from perennial.monitoring.drift_tests.reference import false_alarm_rows
from perennial.spec.monitoring import Time


@pytest.mark.parametrize(
    ("budget", "every", "rows"),
    [
        (5_000, "1h", 5_000),
        (Time(days=730), "1h", 17_520),
        (Time(days=180), "1D", 1_000),
        (Time(days=365), "1s", 500_000),
    ],
)
def test_a_time_counts_as_the_rows_that_come_in_it(budget, every, rows):
    times = pd.Series(pd.date_range("2025-01-01", periods=2_000, freq=every, tz="UTC"))
    assert false_alarm_rows(budget, times) == pytest.approx(rows, rel=1e-3)


def test_rows_of_one_moment_have_a_budget_too():
    assert false_alarm_rows(Time(days=1), pd.Series(pd.to_datetime(["2025-01-01"] * 300, utc=True))) == 500_000
