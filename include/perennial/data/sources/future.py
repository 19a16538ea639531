"""Event times in the future, which cannot be true: they are counted and reported, and otherwise left out.

The summaries of files do not depend on the current time: a row that lies in the future today is an ordinary row later.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.values.columns import TIME

_MOST_EXAMPLES = 3


class PartedTimes:
    """The event times of a source, divided at the latest that is accepted.

    Parameters
    ----------
    latest : datetime

    Attributes
    ----------
    newest : datetime or None
        Newest event time up to `latest`; None: there is none.
    later : int
        Number of event times after `latest`.
    examples : list of str
        Place and time of a few of those.
    """

    def __init__(self, latest: datetime) -> None:
        self._latest = pa.scalar(latest, TIME)
        self.newest: datetime | None = None
        self.later = 0
        self.examples: list[str] = []

    def add_newest(self, newest: datetime) -> None:
        """Add the newest of several times, none of which is later than `latest`."""
        self.newest = newest if self.newest is None else max(self.newest, newest)

    def add(self, times: pa.Array, place: Callable[[int], str]) -> None:
        """Add times of type TIME. `place` takes a position in `times` and returns file and row in words."""
        later = pc.greater(times, self._latest)
        newest = pc.max(times.filter(pc.invert(later))).as_py()
        if newest is not None:
            self.add_newest(newest)
        self.later += later.true_count
        for position in np.flatnonzero(later.to_numpy(zero_copy_only=False))[: _MOST_EXAMPLES - len(self.examples)]:
            self.examples.append(f"{place(int(position))}: {times[int(position)].as_py():%Y-%m-%d %H:%M:%S} UTC")
