from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

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


def due_from(cron, zone, after, count):
    """Return so many checks one after the other, as the clock in the zone shows them."""
    schedule, found = MonitoringSchedule(cron=cron, time_zone=zone), [after]
    for _ in range(count):
        found.append(next_check(schedule, found[-1]))
    return [moment.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %z") for moment in found[1:]]


@pytest.mark.parametrize(
    ("zone", "cron", "eve", "due"),
    [
        ("Europe/Berlin", "30 2 * * *", (10, 26), ["27 02:30 +0100", "28 02:30 +0100"]),
        ("America/New_York", "30 1 * * *", (11, 2), ["03 01:30 -0500", "04 01:30 -0500"]),
        # The clocks go back by half an hour.
        ("Australia/Lord_Howe", "45 1 * * *", (4, 6), ["07 01:45 +1030", "08 01:45 +1030"]),
        ("Europe/Berlin", "30 2,3 * * *", (10, 26), ["27 02:30 +0100", "27 03:30 +0100"]),
    ],
)
def test_a_time_that_comes_twice_in_the_autumn_night_is_due_once(zone, cron, eve, due):
    assert due_from(cron, zone, datetime(2024, *eve, 12, tzinfo=ZoneInfo(zone)), 2) == due


@pytest.mark.parametrize(
    ("zone", "cron", "eve", "due"),
    [
        ("Europe/Berlin", "30 2 * * *", (3, 30), ["31 03:30 +0200", "01 02:30 +0200"]),
        ("America/New_York", "30 2 * * *", (3, 9), ["10 03:30 -0400", "11 02:30 -0400"]),
        ("Australia/Lord_Howe", "15 2 * * *", (10, 5), ["06 02:45 +1100", "07 02:15 +1100"]),
    ],
)
def test_a_time_that_never_comes_in_the_spring_night_is_due_after_the_gap(zone, cron, eve, due):
    assert due_from(cron, zone, datetime(2024, *eve, 12, tzinfo=ZoneInfo(zone)), 2) == due


@pytest.mark.parametrize(
    ("zone", "start"),
    [("Europe/Berlin", (10, 26, 23)), ("America/New_York", (11, 2, 5)), ("Europe/Berlin", (3, 30, 23))],
)
def test_every_hour_is_every_hour_in_both_nights(zone, start):
    schedule, moment = MonitoringSchedule(cron="30 * * * *", time_zone=zone), datetime(2024, *start, 30, tzinfo=UTC)
    for _ in range(8):
        following = next_check(schedule, moment)
        assert following - moment == timedelta(hours=1)
        moment = following
