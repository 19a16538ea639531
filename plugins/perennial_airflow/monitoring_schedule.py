"""When a model is retrained and checked, and how long a check waits for rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

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
    """Return the moment at which a DAG run stops waiting for rows.

    Parameters
    ----------
    schedule : MonitoringSchedule or None
    run_after : datetime
        When the DAG run was due.
    scheduled : bool
        It came by the schedule: it waits until the next one is due. Others wait for an hour.
    """
    if schedule is None or not scheduled:
        return run_after + WITHOUT_SCHEDULE
    if schedule.cron is None:
        return run_after + _period(schedule)
    from croniter import croniter

    local = run_after.astimezone(ZoneInfo(schedule.time_zone))
    following: datetime = croniter(schedule.cron, local).get_next(datetime)
    return following


def longest_interval(schedule: MonitoringSchedule, after: datetime) -> timedelta:
    """Return the longest time between two of the next runs: of a schedule for working days, that over the weekend."""
    if schedule.cron is None:
        return _period(schedule)
    from croniter import croniter

    following = croniter(schedule.cron, after.astimezone(ZoneInfo(schedule.time_zone)))
    moments: list[datetime] = [following.get_next(datetime) for _ in range(LOOKED_AHEAD)]
    return max(later - earlier for earlier, later in pairwise(moments))


def _period(schedule: MonitoringSchedule) -> timedelta:
    return timedelta(minutes=schedule.every_minutes or 0)
