from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from perennial.data.values.columns import TIME
from perennial.data.window import RESOLUTION, Bounds, NewestTimes, fixed_bounds, within
from perennial.spec import Window

AS_OF = datetime(2013, 2, 1, tzinfo=UTC)


def test_windows_of_days_one_after_the_other_share_no_row_and_leave_none_out() -> None:
    earlier = fixed_bounds(Window(days=1), AS_OF - timedelta(days=1))
    later = fixed_bounds(Window(days=1), AS_OF)
    assert later.start == earlier.end + RESOLUTION
    assert later.end == AS_OF


def test_since_and_as_of_are_within() -> None:
    since = datetime(2013, 1, 1, tzinfo=UTC)
    bounds = fixed_bounds(Window(since=since), AS_OF)
    times = pa.array([since - RESOLUTION, since, AS_OF, AS_OF + RESOLUTION], TIME)
    assert bounds.mask(times).to_pylist() == [False, True, True, False]


def test_a_range_overlaps_if_one_moment_is_within() -> None:
    bounds = Bounds(AS_OF - timedelta(days=1), AS_OF)
    assert bounds.overlap(AS_OF, AS_OF + timedelta(days=9))
    assert bounds.overlap(AS_OF - timedelta(days=9), AS_OF - timedelta(days=1))
    assert not bounds.overlap(AS_OF + RESOLUTION, AS_OF + timedelta(days=9))
    assert not bounds.overlap(AS_OF - timedelta(days=9), AS_OF - timedelta(days=1) - RESOLUTION)


@given(batches=st.lists(st.lists(st.integers(-50, 50), max_size=20)), rows=st.integers(1, 30))
def test_nth_newest_is_that_of_all_times_sorted(batches: list[list[int]], rows: int) -> None:
    newest = NewestTimes(rows)
    for batch in batches:
        newest.add(pa.array(batch, pa.int64()).cast(TIME))
    every = np.sort([value for batch in batches for value in batch])
    found = newest.oldest()
    assert (found is None) == (len(every) == 0)
    if found is not None:
        assert pa.scalar(found, TIME).value == every[-min(rows, len(every))]
        assert newest.surpass(found - RESOLUTION) == (len(every) >= rows)
        assert not newest.surpass(found)


@given(
    hours=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    window=st.one_of(
        st.floats(0.01, 2).map(lambda days: Window(days=days)),
        st.integers(1, 35).map(lambda rows: Window(rows=rows)),
        st.integers(-5, 45).map(lambda hours: Window(since=AS_OF - timedelta(hours=hours))),
    ),
)
def test_rows_within_a_window_are_those_that_its_source_would_give(hours: list[int], window: Window) -> None:
    rows = pd.DataFrame({"at": pd.DatetimeIndex([AS_OF - timedelta(hours=hour) for hour in hours]).as_unit("us")})
    times = pa.array(rows["at"].dt.to_pydatetime().tolist(), TIME)
    bounds = fixed_bounds(window, AS_OF)
    if window.rows is not None:
        newest = NewestTimes(window.rows)
        newest.add(times)
        bounds = Bounds(newest.oldest(), AS_OF)
    expected = rows[bounds.mask(times).to_numpy(zero_copy_only=False)]
    pd.testing.assert_frame_equal(within(rows, window, "at", AS_OF), expected)
