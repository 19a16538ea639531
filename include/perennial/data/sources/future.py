"""Event times that lie beyond the clock and so cannot be true: counted and named, and left out of everything.

What is known of each file does not depend on the clock: a row that lies in the future today is one like all others later.
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
    """The event times of a source, parted at the latest that can be true.

    Parameters
    ----------
    latest : datetime

    Attributes
    ----------
    newest : datetime or None
        The newest up to `latest`; None: there are none.
    later : int
        How many are later.
    examples : list of str
        Place and time of a few of those.
    """

    def __init__(self, latest: datetime) -> None:
        self._latest = pa.scalar(latest, TIME)
        self.newest: datetime | None = None
        self.later = 0
        self.examples: list[str] = []

    def add_newest(self, newest: datetime) -> None:
        """Add the newest of some times that are not later than `latest`."""
        self.newest = newest if self.newest is None else max(self.newest, newest)

    def add(self, times: pa.Array, place: Callable[[int], str]) -> None:
        """Add times of type TIME; `place` names that of a position."""
        later = pc.greater(times, self._latest)
        newest = pc.max(times.filter(pc.invert(later))).as_py()
        if newest is not None:
            self.add_newest(newest)
        self.later += later.true_count
        for position in np.flatnonzero(later.to_numpy(zero_copy_only=False))[: _MOST_EXAMPLES - len(self.examples)]:
            self.examples.append(f"{place(int(position))}: {times[int(position)].as_py():%Y-%m-%d %H:%M:%S} UTC")
