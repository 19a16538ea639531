"""What every source of rows must do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from perennial.data.snapshots.records import SourceObject
from perennial.data.sources.future import PartedTimes
from perennial.data.sources.summary import SourceSummary
from perennial.data.window import Bounds
from perennial.spec import ModelSpec


class Source(Protocol):
    """Rows with event times. Call `scan` before the other methods."""

    name: str
    """Name of the source in messages."""

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
        """Divide the event times at `latest`. Opens only files that have later ones."""

    def nth_newest(self, rows: int, as_of: datetime) -> datetime | None:
        """Return the N-th newest event time up to `as_of`, the oldest if there are fewer, None if there are none."""

    def count(self, bounds: Bounds) -> int:
        """Return the number of rows within the bounds, duplicates included."""

    def columns(self, bounds: Bounds) -> frozenset[str]:
        """Return the columns that all rows within the bounds have; without rows, those that any file has."""

    def read(self, spec: ModelSpec, bounds: Bounds, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        """Yield the rows within the bounds in a snapshot's types, in batches that may be empty.

        Every row must have the columns of the spec, which names each feature, except those that may be gone. These and
        others are missing where a file lacks them.

        Raises
        ------
        DataError
            If a column is missing, or a value does not have the type as which its column is read; names its place.
        """

    def read_objects(self, bounds: Bounds) -> tuple[SourceObject, ...]:
        """Return the files or the query that `read` reads, in the versions that `scan` found.

        Raises
        ------
        SourceUnavailable
            If a file has changed since.
        """
