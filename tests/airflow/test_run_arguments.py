"""What arrives from a form, a template or a caller is either understood or refused; nothing is guessed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perennial_airflow import run_arguments
from perennial_airflow.run_arguments import RunArgumentError

pytestmark = pytest.mark.airflow

MOMENT = datetime(2013, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2013-03-01T00:00:00Z", "2013-02-28T19:00:00-05:00", MOMENT])
def test_a_moment_keeps_its_instant(value: str | datetime) -> None:
    assert run_arguments.as_of(value) == MOMENT


@pytest.mark.parametrize("value", [None, "", "None", "null"])
def test_nothing_stays_nothing(value: str | None) -> None:
    assert run_arguments.as_of(value) is None
    assert run_arguments.window_days(value) is None


@pytest.mark.parametrize("value", ["2013-03-01T00:00:00", "2013-03-01", datetime(2013, 3, 1)])
def test_a_moment_without_zone_is_refused(value: str | datetime) -> None:
    with pytest.raises(RunArgumentError, match="has no zone"):
        run_arguments.as_of(value)


def test_what_is_no_moment_is_refused() -> None:
    with pytest.raises(RunArgumentError, match="as_of: 'yesterday' is not a timestamp"):
        run_arguments.as_of("yesterday")


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_outside_the_calendar_is_refused(value: str) -> None:
    with pytest.raises(RunArgumentError, match=r"as_of: .* is outside the years 1 to 9999"):
        run_arguments.as_of(value)


@pytest.mark.parametrize("value", ["30", "30.0", 30, 30.0])
def test_days_come_as_text_or_number(value: str | float) -> None:
    assert run_arguments.window_days(value) == 30


@pytest.mark.parametrize("value", ["a month", "0", -1, "nan", "inf", "1e300", 3_652_060])
def test_a_window_must_be_a_number_above_zero(value: str | float) -> None:
    with pytest.raises(RunArgumentError, match="window_days"):
        run_arguments.window_days(value)


@pytest.mark.parametrize(("value", "meant"), [(True, True), ("True", True), ("true", True), ("False", False)])
def test_a_flag_comes_as_text_or_boolean(value: bool | str, meant: bool) -> None:
    assert run_arguments.flag("dry_run", value) is meant


@pytest.mark.parametrize("value", ["", "yes", "1", "None"])
def test_a_flag_is_never_guessed(value: str) -> None:
    with pytest.raises(RunArgumentError, match="neither true nor false"):
        run_arguments.flag("dry_run", value)
