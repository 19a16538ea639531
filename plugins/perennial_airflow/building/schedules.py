"""When a model is retrained and checked, and how long a check waits for rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from airflow.sdk import CronTriggerTimetable, DeltaTriggerTimetable

if TYPE_CHECKING:
    from airflow.sdk.bases.timetable import BaseTimetable

    from perennial.spec import Schedule
    from perennial.spec.monitoring import MonitoringSchedule

WITHOUT_SCHEDULE = timedelta(hours=1)
LOOKED_AHEAD = 10


def timetable(schedule: Schedule | MonitoringSchedule | None) -> BaseTimetable | None:
    """Return Airflow's timetable; None: only when triggered."""
    if schedule is None:
        return None
    if schedule.cron is not None:
        return CronTriggerTimetable(schedule.cron, timezone=schedule.time_zone)
    return DeltaTriggerTimetable(_period(schedule))


def end_of_wait(schedule: MonitoringSchedule | None, run_after: datetime, *, scheduled: bool) -> datetime:
    """Return the time at which a DAG run stops waiting for rows.

    Parameters
    ----------
    schedule : MonitoringSchedule or None
    run_after : datetime
        When the DAG run was due.
    scheduled : bool
        Whether the schedule started the run: it then waits until the next one is due. Other runs wait for an hour.
    """
    if schedule is None or not scheduled:
        return run_after + WITHOUT_SCHEDULE
    from perennial.monitoring.next_check import next_check

    return next_check(schedule, run_after)


def longest_interval(schedule: MonitoringSchedule, after: datetime) -> timedelta:
    """Return the longest time between two upcoming runs: for a schedule on working days, the time over the weekend."""
    if schedule.cron is None:
        return _period(schedule)
    from perennial.monitoring.next_check import next_check

    moments = [next_check(schedule, after)]
    for _ in range(LOOKED_AHEAD - 1):
        moments.append(next_check(schedule, moments[-1]))
    return max(later - earlier for earlier, later in pairwise(moments))


def _period(schedule: MonitoringSchedule) -> timedelta:
    return timedelta(minutes=schedule.every_minutes or 0)
