from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.data.window import Bounds, fixed_bounds, just_after
from perennial.moments import FIRST, LAST, in_utc, shifted
from perennial.spec import Window

moments = st.datetimes(timezones=st.just(UTC)) | st.sampled_from([FIRST, LAST])
times = st.timedeltas() | st.timedeltas(-timedelta(days=4_000_000), timedelta(days=4_000_000))


@given(moments, times)
def test_a_shift_stops_at_the_ends_of_the_calendar_and_keeps_the_order(moment: datetime, by: timedelta) -> None:
    found = shifted(moment, by)
    assert FIRST <= found <= LAST
    assert (found >= moment) if by >= timedelta() else (found <= moment)


def test_a_shift_within_the_calendar_is_a_plain_sum() -> None:
    noon = datetime(2013, 1, 1, 12, tzinfo=UTC)
    assert shifted(noon, -timedelta(days=1.5)) == noon - timedelta(days=1.5)


@given(moments, st.floats(min_value=1 / 86_400, max_value=3_652_059))
def test_a_window_can_end_anywhere_and_holds_its_end(as_of: datetime, days: float) -> None:
    bounds = fixed_bounds(Window(days=days), as_of)
    assert bounds.end == as_of
    assert bounds.start is not None
    assert bounds.start <= just_after(as_of)


def test_the_moment_after_the_last_is_the_last() -> None:
    assert just_after(LAST) == LAST
    assert Bounds(just_after(FIRST), LAST).start == FIRST + timedelta(microseconds=1)


def test_utc_is_refused_where_it_has_no_such_year() -> None:
    ahead, behind = timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))
    assert in_utc(datetime(1, 1, 1, 14, tzinfo=ahead)) == FIRST
    for moment in (datetime(1, 1, 1, tzinfo=ahead), datetime(9999, 12, 31, 23, tzinfo=behind)):
        with pytest.raises(ValueError, match="is outside the years 1 to 9999"):
            in_utc(moment)
