"""Parquet files: columns by name, row groups outside the window are not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from perennial.data.sources.rows import Rows, ScanRequest, Unreadable, check_missing, scan_rows
from perennial.data.sources.summary import SourceSummary, type_name
from perennial.data.values.canonical import to_time
from perennial.data.values.columns import Kind, ValueType, value_type_of
from perennial.data.window import Bounds

SUFFIXES = (".parquet",)
_BATCH_ROWS = 131_072
# Column chunks are read through a buffer of this size, not as a whole, because a file may consist of one row group.
_BUFFER_BYTES = 1024 * 1024

_Range = tuple[datetime, datetime]


def scan(path: Path, request: ScanRequest) -> SourceSummary:
    """Return a file's summary: from its statistics if they can be trusted, else from the column of event times."""
    with _opened(path) as file:
        types = {field.name: type_name(field.type) for field in file.schema_arrow}
        if request.event_time not in types:
            return SourceSummary(rows=file.metadata.num_rows, start=None, end=None, types=types)
        value_types = {
            column: frozenset({value_type_of(file.schema_arrow.field(column).type)})
            for column in request.open_columns
            if column in types
        }
        ranges = _ranges(file, request)
        if ranges is None:
            read = scan_rows(_batches(file, [request.event_time]), request, types)
            start, end = read.start, read.end
        else:
            start = min((ends[0] for ends in ranges if ends), default=None)
            end = max((ends[1] for ends in ranges if ends), default=None)
        return SourceSummary(rows=file.metadata.num_rows, start=start, end=end, types=types, value_types=value_types)


def read(
    path: Path, columns: Mapping[str, Kind], _summary: SourceSummary, request: ScanRequest, bounds: Bounds | None
) -> Iterator[Rows]:
    """Yield the rows of all row groups that may have rows within the bounds."""
    with _opened(path) as file:
        ranges = _ranges(file, request) if bounds else None
        groups = None
        if ranges is not None and bounds is not None:
            groups = {group for group, ends in enumerate(ranges) if ends and bounds.overlap(*ends)}
        yield from _batches(file, [name for name in columns if name in file.schema_arrow.names], groups)


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file; errors of pyarrow about its content become Unreadable."""
    try:
        # By default pyarrow reads INT96 as nanoseconds, in which times after 2262 overflow.
        with pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, coerce_int96_timestamp_unit="us") as file:
            yield file
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise Unreadable(
            f"is not a readable Parquet file, perhaps truncated or half-written ({reason}). Write it again, under a "
            "name that begins with '_' or '.' until it is complete"
        ) from error


def _batches(file: pq.ParquetFile, columns: list[str], groups: set[int] | None = None) -> Iterator[Rows]:
    names = file.schema_arrow.names
    twice = sorted({name for name in columns if names.count(name) > 1})
    if twice:
        raise Unreadable(f"has more than one column named {', '.join(map(repr, twice))}")
    first_row = 0
    for group in range(file.num_row_groups):
        row = first_row
        first_row += file.metadata.row_group(group).num_rows
        if groups is None or group in groups:
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns):
                yield Rows(row, batch)
                row += batch.num_rows


def _ranges(file: pq.ParquetFile, request: ScanRequest) -> list[_Range | None] | None:
    """Return the range of event times of each row group (None if it has none), or None if statistics are missing."""
    names = [file.schema.column(index).path for index in range(len(file.schema))]
    if request.event_time not in names:
        return None
    dtype = file.schema_arrow.field(request.event_time).type
    if value_type_of(dtype) is not ValueType.TIME or pa.types.is_dictionary(dtype):
        return None
    ranges: list[_Range | None] = []
    missing = 0
    for group in range(file.num_row_groups):
        chunk = file.metadata.row_group(group).column(names.index(request.event_time))
        known = chunk.statistics
        if known is None or not known.has_null_count:
            return None
        missing += known.null_count
        if known.has_min_max:
            ends = _range(known, dtype, request)
            if ends is None:
                return None
            ranges.append(ends)
        elif known.null_count < chunk.num_values:
            return None
        else:
            ranges.append(None)
    check_missing(request, missing)
    return ranges


def _range(known: pq.Statistics, dtype: pa.DataType, request: ScanRequest) -> _Range | None:
    """Return the range by statistics; None if they are not event times. Reading the column then reports the row."""
    try:
        oldest, newest = to_time(pa.array([known.min, known.max], dtype), request.time_zone).to_pylist()
    except (ArithmeticError, ValueError):
        return None
    return oldest, newest
