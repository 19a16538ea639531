"""When the next check is due, where no Airflow says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from perennial.spec.monitoring import MonitoringSchedule


def next_check(schedule: MonitoringSchedule, after: datetime) -> datetime:
    """Return the first moment after another at which a check is due, UTC.

    Parameters
    ----------
    schedule : MonitoringSchedule
        A cron expression holds in its zone, and so follows its daylight saving time.
    after : datetime
        With a zone.
    """
    if schedule.every_minutes is not None:
        return after.astimezone(UTC) + timedelta(minutes=schedule.every_minutes)
    local = after.astimezone(ZoneInfo(schedule.time_zone))
    moment: datetime = croniter(schedule.cron, local).get_next(datetime)
    return moment.astimezone(UTC)
