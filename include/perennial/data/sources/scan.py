"""The time range of a source, and which of its rows lie in the future."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perennial.data.snapshots.records import FutureRows
from perennial.errors import DataError

if TYPE_CHECKING:
    from perennial.data.sources.source import Source
    from perennial.data.sources.summary import SourceSummary
    from perennial.run import Run


def scan_source(run: Run, source: Source) -> tuple[SourceSummary, FutureRows | None]:
    """Scan a source, and set aside rows that lie in the future.

    Returns
    -------
    SourceSummary
        Its time range excludes the rows that are set aside, so bounds that end with it exclude them too.
    FutureRows or None
        Rows that are set aside; None: there are none.

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
            f"{source.name}: {future.found} The clock says {run.now:%Y-%m-%d %H:%M} UTC. Correct these event times; "
            "if they are right, raise source.future.tolerance_hours; or let the spec set such rows aside"
        )
    return replace(summary, start=summary.start if parted.newest else None, end=parted.newest), future
