"""When the next check is due: as Airflow's CronTriggerTimetable has it, where no Airflow says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from perennial.spec.monitoring import MonitoringSchedule


def next_check(schedule: MonitoringSchedule, after: datetime) -> datetime:
    """Return the first moment after another at which a check is due, UTC.

    A time of day that comes twice, when the clocks go back, is due once, the second time; one that the clocks go
    forward past is due when that much time has passed. A schedule for every hour follows the hours as they pass.

    Parameters
    ----------
    schedule : MonitoringSchedule
        A cron expression holds in its zone, and so follows its daylight saving time.
    after : datetime
        With a zone.
    """
    if schedule.every_minutes is not None:
        return after.astimezone(UTC) + timedelta(minutes=schedule.every_minutes)
    zone = ZoneInfo(schedule.time_zone)
    clock = after.astimezone(zone).replace(tzinfo=None, fold=0)
    cron = croniter(schedule.cron, clock)
    due: datetime = cron.get_next(datetime)
    if cron.expanded[1] == ["*"]:
        return after.astimezone(UTC) + (due - clock)
    # Of both readings the later: the second of a time that comes twice, and of one that never comes that after the gap.
    return max(due.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
