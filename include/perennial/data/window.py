"""The range of event times that a retraining reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.values.columns import TIME
from perennial.moments import shifted
from perennial.spec import Window

if TYPE_CHECKING:
    import pandas as pd

RESOLUTION = timedelta(microseconds=1)


@dataclass(frozen=True)
class Bounds:
    """Event times from `start` (None: no bound) to `end`, both included."""

    start: datetime | None
    end: datetime

    def overlap(self, start: datetime, end: datetime) -> bool:
        """Tell whether a range, both ends included, overlaps with these bounds."""
        return start <= self.end and (self.start is None or end >= self.start)

    def contain(self, start: datetime, end: datetime) -> bool:
        """Tell whether a range, both ends included, is within these bounds."""
        return end <= self.end and (self.start is None or start >= self.start)

    def mask(self, times: pa.Array) -> pa.Array:
        """Return a boolean array that is true where the time, of type TIME, is within the bounds."""
        inside = pc.less_equal(times, pa.scalar(self.end, TIME))
        if self.start is None:
            return inside
        return pc.and_(inside, pc.greater_equal(times, pa.scalar(self.start, TIME)))


def just_after(moment: datetime) -> datetime:
    """Return the next possible event time, one microsecond later: the start of a range that excludes `moment`."""
    return shifted(moment, RESOLUTION)


def fixed_bounds(window: Window, as_of: datetime) -> Bounds:
    """Return the bounds of a window by days or start; for a window by number of rows only its end.

    A window of N days ends with `as_of` and begins just after N days before that, so that consecutive windows share no
    row. The time `since` itself is included.
    """
    if window.days is not None:
        return Bounds(shifted(as_of, RESOLUTION - timedelta(days=window.days)), as_of)
    return Bounds(window.since, as_of)


def within(rows: pd.DataFrame, window: Window, event_time: str, as_of: datetime) -> pd.DataFrame:
    """Return those of a snapshot's or a history's rows that lie in a window; all that are given are up to `as_of`.

    A window by number of rows counts the rows that are given, so duplicates that were left out of them do not count.

    Parameters
    ----------
    rows : pandas.DataFrame
        In any order.
    window : Window
    event_time : str
        Column with the event time, with a time zone.
    as_of : datetime
        End of the window.
    """
    times = rows[event_time]
    if window.rows is not None:
        newest = times.nlargest(window.rows)
        return rows[times >= newest.iloc[-1]] if len(newest) else rows
    start = fixed_bounds(window, as_of).start
    return rows if start is None else rows[times >= start]


class NewestTimes:
    """The N newest of all event times that were added. Keeps at most 2 N times and a batch in memory.

    Parameters
    ----------
    rows : int
        N.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._kept: list[npt.NDArray[np.int64]] = []

    def add(self, times: pa.Array) -> None:
        """Add times of type TIME."""
        self._kept.append(times.cast(pa.int64()).to_numpy())
        if sum(map(len, self._kept)) > 2 * self._rows:
            self._kept = [self._newest()]

    def oldest(self) -> datetime | None:
        """Return the N-th newest time, the oldest if there are fewer than N, None if there are none."""
        newest = self._newest()
        if not len(newest):
            return None
        return cast(datetime, pa.scalar(int(newest.min()), pa.int64()).cast(TIME).as_py())

    def surpass(self, moment: datetime) -> bool:
        """Tell whether N times are newer than `moment`, so that older times cannot be among the N newest."""
        newest = self._newest()
        return len(newest) == self._rows and pa.scalar(moment, TIME).value < newest.min()

    def _newest(self) -> npt.NDArray[np.int64]:
        times = np.concatenate([*self._kept, np.empty(0, dtype=np.int64)])
        return times if len(times) <= self._rows else np.partition(times, len(times) - self._rows)[-self._rows :]
