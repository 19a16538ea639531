"""Event times that lie beyond the clock and so cannot be true: counted and named, and left out of everything.

What is known of each file does not depend on the clock: a row that lies in the future today is one like all others later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.snapshots.records import FutureRows
from perennial.data.values.columns import TIME
from perennial.errors import DataError

if TYPE_CHECKING:
    from perennial.data.sources.source import Source
    from perennial.data.sources.summary import SourceSummary
    from perennial.run import Run

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


def scan_source(run: Run, source: Source) -> tuple[SourceSummary, FutureRows | None]:
    """Look through a source, and set aside what lies in the future.

    Returns
    -------
    SourceSummary
        Time range without the rows that are set aside: no bounds that end with it let one of them in.
    FutureRows or None
        What is set aside; None: nothing is.

    Raises
    ------
    DataError
        The source cannot be read; or rows lie in the future, and the spec refuses them.
    SourceUnavailable
        The source does not answer.
    """
    summary = source.scan()
    if summary.end is None or summary.end <= run.latest:
        return summary, None
    parted = source.part(run.latest)
    future = FutureRows(rows=parted.later, latest=run.latest, examples=tuple(parted.examples))
    if run.spec.source.future.rows == "refuse":
        raise DataError(
            f"{source.name}: {future.found} The clock says {run.now:%Y-%m-%d %H:%M} UTC. Mend these event times; if they are "
            "right, raise source.future.tolerance_hours; or let the spec set such rows aside"
        )
    return replace(summary, start=summary.start if parted.newest else None, end=parted.newest), future
