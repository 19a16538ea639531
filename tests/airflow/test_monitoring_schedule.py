"""When checks are due, in the spec's zone, and until when each waits for rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perennial.spec.monitoring import MonitoringSchedule
from perennial_airflow.monitoring_schedule import end_of_wait

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
