"""Rows as read from a file or a query, and their event times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.sources.summary import SourceSummary
from perennial.data.values.canonical import BadValue, canonical
from perennial.data.values.columns import NUMBER, TEXT, TIME, ValueType, value_type_of
from perennial.data.window import Bounds
from perennial.spec.source import Csv


class Unreadable(Exception):
    """A file's content cannot be read. The caller adds the file's name."""


@dataclass(frozen=True)
class Rows:
    """A batch of rows with the columns and types of the file."""

    first_row: int
    """Position of the first row in the file or query result, from 0."""
    batch: pa.RecordBatch
    taken: npt.NDArray[np.int64] | None = None
    """Positions of the rows that were taken, relative to `first_row`; None: all were."""

    def take(self, mask: pa.Array) -> Rows:
        """Return the rows where the mask, a boolean array with one value per row, is true."""
        if mask.true_count == len(mask):
            return self
        return Rows(self.first_row, self.batch.filter(mask), np.flatnonzero(mask.to_numpy(zero_copy_only=False)))

    def number(self, index: int) -> int:
        """Return a row's number in the file or query result, from 1."""
        return self.first_row + int(index if self.taken is None else self.taken[index]) + 1


@dataclass(frozen=True)
class ScanRequest:
    """What a scan must find out besides the columns."""

    columns: tuple[str, ...]
    """All columns that the spec reads."""
    event_time: str
    time_zone: str | None
    open_columns: tuple[str, ...]
    """Columns whose ValueTypes are to be found."""
    csv: Csv = field(default_factory=Csv)


def event_times(rows: Rows, request: ScanRequest) -> pa.Array:
    """Return the event times in UTC, missing ones included.

    Raises
    ------
    Unreadable
        If an event time is not a timestamp, or has no time zone; the message names its row.
    """
    return read_column(rows, request.event_time, TIME, request.time_zone)


def read_column(rows: Rows, column: str, dtype: pa.DataType, time_zone: str | None) -> pa.Array:
    """Return a column in its snapshot's type, or raise Unreadable with row and value."""
    try:
        return canonical(rows.batch.column(column), dtype, time_zone)
    except BadValue as error:
        raise Unreadable(f"row {rows.number(error.index)}, column {column!r}: {error}") from None


def scan_rows(
    batches: Iterable[Rows], request: ScanRequest, types: Mapping[str, str], *, guess: tuple[ValueType, ...] = ()
) -> SourceSummary:
    """Return the summary of a file by reading its event times and open columns.

    Parameters
    ----------
    batches : iterable of Rows
    request : ScanRequest
    types : mapping of column to type
        May be filled in while the batches are read.
    guess : tuple of ValueType
        ValueTypes that text may have in this format, if all of it parses as such.
    """
    rows = missing = 0
    start: datetime | None = None
    end: datetime | None = None
    value_types: dict[str, set[ValueType]] = {column: set() for column in request.open_columns}
    for found in batches:
        times = event_times(found, request)
        rows += len(times)
        missing += times.null_count
        if times.null_count < len(times):
            least_most = pc.min_max(times)
            oldest, newest = least_most["min"].as_py(), least_most["max"].as_py()
            start, end = min(start or oldest, oldest), max(end or newest, newest)
        for column, met in value_types.items():
            if column in found.batch.schema.names:
                met.add(_value_type(found.batch.column(column), guess))
    check_missing(request, missing)
    return SourceSummary(
        rows=rows,
        start=start,
        end=end,
        types=types,
        value_types={column: frozenset(met) for column, met in value_types.items()},
    )


def take_rows(rows: Rows, types: Mapping[str, pa.DataType], request: ScanRequest, bounds: Bounds) -> pa.RecordBatch:
    """Return the rows within the bounds, with their columns in a snapshot's types.

    Raises
    ------
    Unreadable
        If a value of these rows does not have the type as which its column is read. Other rows are not examined.
    """
    times = event_times(rows, request)
    check_missing(request, times.null_count)
    inside = bounds.mask(times)
    taken = rows.take(inside)
    arrays = {column: read_column(taken, column, dtype, request.time_zone) for column, dtype in types.items()}
    return pa.record_batch(arrays)


def check_missing(request: ScanRequest, rows: int) -> None:
    """Raise Unreadable if event times are missing in some rows."""
    if rows:
        raise Unreadable(
            f"the event time {request.event_time!r} is missing in {rows} row{'s'[: rows > 1]}: "
            "such rows belong to no window; fill them in or leave them out"
        )


def value_type_of_text(value: str | None) -> ValueType:
    """Return the ValueType of a text that may be a number or a time."""
    return _value_type(pa.array([value], TEXT), (ValueType.NUMBER, ValueType.TIME))


def _value_type(array: pa.Array, guess: tuple[ValueType, ...]) -> ValueType:
    if array.null_count == len(array):
        return ValueType.EMPTY
    value_type = value_type_of(array.type)
    if value_type is not ValueType.TEXT:
        return value_type
    for reading in guess:
        try:
            read = canonical(array, {ValueType.NUMBER: NUMBER, ValueType.TIME: TIME}[reading], "UTC")
        except BadValue:
            continue
        return reading if read.null_count < len(read) else ValueType.EMPTY
    return ValueType.TEXT
