from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perennial.monitoring.next_check import next_check
from perennial.spec.monitoring import MonitoringSchedule


def test_every_n_minutes_is_n_minutes_later():
    after = datetime(2024, 3, 1, 23, 50, tzinfo=UTC)
    assert next_check(MonitoringSchedule(every_minutes=15), after) == datetime(2024, 3, 2, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (datetime(2024, 1, 10, 10, tzinfo=UTC), datetime(2024, 1, 10, 11, tzinfo=UTC)),
        (datetime(2024, 1, 10, 11, tzinfo=UTC), datetime(2024, 1, 11, 11, tzinfo=UTC)),
        # Summer time began on 10 March.
        (datetime(2024, 3, 9, 12, tzinfo=UTC), datetime(2024, 3, 10, 10, tzinfo=UTC)),
    ],
)
def test_cron_holds_in_its_zone(after, due):
    assert next_check(MonitoringSchedule(cron="0 6 * * *", time_zone="America/New_York"), after) == due
