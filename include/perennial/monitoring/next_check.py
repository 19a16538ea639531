"""Compute when the next check is due, like Airflow's CronTriggerTimetable, but without Airflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from perennial.spec.monitoring import MonitoringSchedule


def next_check(schedule: MonitoringSchedule, after: datetime) -> datetime:
    """Return the first time after `after` at which a check is due, in UTC.

    A time of day that occurs twice, because clocks are set back, is due once, the second time. A time that is skipped,
    because clocks are set forward, is due at the corresponding time after the change. An hourly schedule is due every
    hour.

    Parameters
    ----------
    schedule : MonitoringSchedule
        A cron expression is interpreted in its time zone, with daylight saving time.
    after : datetime
        With a time zone.
    """
    if schedule.every_minutes is not None:
        return after.astimezone(UTC) + timedelta(minutes=schedule.every_minutes)
    zone = ZoneInfo(schedule.time_zone)
    clock = after.astimezone(zone).replace(tzinfo=None, fold=0)
    cron = croniter(schedule.cron, clock)
    due: datetime = cron.get_next(datetime)
    if cron.expanded[1] == ["*"]:
        return after.astimezone(UTC) + (due - clock)
    # The later of both readings: of a time that occurs twice the second, of a skipped time the one after the gap.
    return max(due.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
