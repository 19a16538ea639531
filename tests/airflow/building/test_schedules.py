"""When checks are due, in the spec's zone, and until when each waits for rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perennial.spec.monitoring import MonitoringSchedule
from perennial_airflow.building.schedules import end_of_wait, longest_interval

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

DUE = datetime(2026, 3, 7, 11, 0, tzinfo=UTC)  # a Saturday, 06:00 in New York; clocks change that night
DAILY = MonitoringSchedule(cron="0 6 * * *", time_zone="America/New_York")
OFTEN = MonitoringSchedule(every_minutes=15)


@pytest.mark.parametrize(
    ("schedule", "scheduled", "end"),
    [
        (DAILY, True, datetime(2026, 3, 8, 10, 0, tzinfo=UTC)),
        (OFTEN, True, datetime(2026, 3, 7, 11, 15, tzinfo=UTC)),
        (DAILY, False, datetime(2026, 3, 7, 12, 0, tzinfo=UTC)),
        (None, False, datetime(2026, 3, 7, 12, 0, tzinfo=UTC)),
    ],
)
def test_the_wait_ends_when_the_next_check_is_due(
    schedule: MonitoringSchedule | None, scheduled: bool, end: datetime
) -> None:
    assert end_of_wait(schedule, DUE, scheduled=scheduled) == end


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [({"cron": "0 6 * * *", "time_zone": "America/New_York"}, 86400), ({"every_minutes": 15}, 900)],
)
def test_airflow_knows_the_next_check_without_a_start_date(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag], schedule: dict[str, object], seconds: int
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    add_spec(monitoring={"schedule": schedule})
    dag = DagSerialization.from_dict(DagSerialization.to_dict(load_dags().dags["orders.monitor"]))

    first = dag.next_dagrun_info(last_automated_run_info=None)

    assert first is not None
    assert abs((first.run_after - datetime.now(UTC)).total_seconds()) <= seconds


def test_without_a_schedule_checks_are_made_when_asked_for(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(monitoring={})

    assert load_dags().dags["orders.monitor"].schedule is None


CRONS = [
    "30 2 * * *",
    "15 1,2,3 * * *",
    "*/20 1-3 * * *",
    "0 */2 * * *",
    "30 * * * *",
    "*/20 * * * *",
    "0 0-23 * * *",
    "45 1 * * 0",
]
# The nights in which the clocks are put forward and back, from the evening before.
NIGHTS = {
    "Europe/Berlin": [(2024, 3, 30), (2024, 10, 26)],
    "America/New_York": [(2024, 3, 9), (2024, 11, 2)],
    "Australia/Lord_Howe": [(2024, 10, 5), (2024, 4, 6)],
}


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.parametrize(
    ("zone", "evening"), [(zone, evening) for zone, nights in NIGHTS.items() for evening in nights]
)
def test_without_airflow_checks_are_due_when_airflow_has_them_due(
    zone: str, evening: tuple[int, int, int], cron: str
) -> None:
    """Airflow's own timetable is the oracle, asked from every few minutes of the night and the days around it."""
    from airflow.timetables.base import DataInterval, TimeRestriction
    from airflow.timetables.trigger import CronTriggerTimetable
    from pendulum import instance

    from perennial.monitoring.next_check import next_check

    timetable = CronTriggerTimetable(cron, timezone=zone)
    always = TimeRestriction(earliest=None, latest=None, catchup=True)
    schedule = MonitoringSchedule(cron=cron, time_zone=zone)
    start = datetime(*evening, tzinfo=UTC)
    for minute in range(0, 60 * 48, 7):
        after = start + timedelta(minutes=minute, seconds=minute % 3, microseconds=minute % 5)
        info = timetable.next_dagrun_info(
            last_automated_data_interval=DataInterval.exact(instance(after)), restriction=always
        )
        assert info is not None
        assert after < next_check(schedule, after) == info.run_after, after
        assert end_of_wait(schedule, after, scheduled=True) == info.run_after


def test_the_longest_interval_is_that_of_the_night_with_an_hour_more() -> None:
    schedule = MonitoringSchedule(cron="0 6 * * *", time_zone="Europe/Berlin")
    assert longest_interval(schedule, datetime(2024, 10, 25, tzinfo=UTC)) == timedelta(hours=25)
