"""What a source of rows must do, and which kind a run has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from perennial.data.snapshots.records import SourceObject
from perennial.data.sources.future import PartedTimes
from perennial.data.sources.summary import SourceSummary
from perennial.data.window import Bounds


class Source(Protocol):
    """Rows with event times. `scan` comes first."""

    name: str
    """For messages."""

    def scan(self) -> SourceSummary:
        """Find out columns and time range.

        Raises
        ------
        DataError
            If there is nothing to read, or it cannot be read.
        SourceUnavailable
            If the source does not answer.
        """

    def part(self, latest: datetime) -> PartedTimes:
        """Return the newest event time up to a moment, and what lies beyond it. Opens only what reaches beyond."""

    def nth_newest(self, rows: int, as_of: datetime) -> datetime | None:
        """Return the N-th newest event time up to `as_of`, the oldest if there are fewer, None if there are none."""

    def count(self, bounds: Bounds) -> int:
        """Return the number of rows within the bounds, duplicates included."""

    def read(self, bounds: Bounds, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        """Yield the rows within the bounds in a snapshot's types, in batches that may be empty.

        Raises
        ------
        DataError
            If a column is missing, or a value is not what its column is read as; with the place.
        """

    def read_objects(self, bounds: Bounds) -> tuple[SourceObject, ...]:
        """Return what `read` reads, in the versions that `scan` found.

        Raises
        ------
        SourceUnavailable
            If it has changed since.
        """
