"""CSV files with a header, gzipped or not. All values are read as text: their types are not the file's to decide."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from perennial.data.columns import Kind, Natural
from perennial.data.facts import Facts, rough_type_name
from perennial.data.rows import Rows, ScanRequest, Unreadable, scan_rows
from perennial.data.window import Bounds

SUFFIXES = (".csv", ".csv.gz")
_BLOCK_BYTES = 4 * 1024 * 1024
_HEADER_BYTES = 1024 * 1024


def scan(path: Path, request: ScanRequest) -> Facts:
    """Return a file's facts by reading event times and open columns. Types are guessed from the file's beginning."""
    with _unreadable():
        _check_quotes(path)
        header = _header(path)
        types = {field.name: rough_type_name(field.type) for field in header}
        if request.event_time not in types:
            return Facts(rows=0, start=None, end=None, types=types)
        wanted = [request.event_time, *(column for column in request.open_columns if column in types)]
        return scan_rows(_batches(path, header, wanted), request, types, guess=(Natural.NUMBER, Natural.TIME))


def read(
    path: Path, columns: Mapping[str, Kind], _facts: Facts, _request: ScanRequest, _bounds: Bounds | None
) -> Iterator[Rows]:
    """Yield all rows of the file: only a format with statistics can leave some out."""
    with _unreadable():
        header = _header(path)
        yield from _batches(path, header, [name for name in columns if name in header.names])


@contextmanager
def _unreadable() -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        # "CSV parse error: Row #4: Expected 3 columns, got 2: a,b"
        place = re.search(r"Row #(\d+): (.*)", str(error), flags=re.DOTALL)
        problem = f"line {place[1]}: {place[2].strip()}" if place else str(error).strip()
        raise Unreadable(
            f"{problem}. The file is no readable CSV, perhaps truncated or half-written: mend or remove the line"
        ) from error


def _header(path: Path) -> pa.Schema:
    with _stream(path) as stream, csv.open_csv(stream, **_settings(_HEADER_BYTES)) as reader:
        return reader.schema


def _batches(path: Path, header: pa.Schema, columns: list[str]) -> Iterator[Rows]:
    twice = sorted({name for name in columns if header.names.count(name) > 1})
    if twice:
        raise Unreadable(f"has more than one column named {', '.join(map(repr, twice))}")
    conversion = csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
    )
    first_row = 0
    with _stream(path) as stream, csv.open_csv(stream, convert_options=conversion, **_settings(_BLOCK_BYTES)) as reader:
        for batch in reader:
            yield Rows(first_row, batch)
            first_row += batch.num_rows


def _stream(path: Path) -> pa.NativeFile:
    return pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None)


def _settings(block_bytes: int) -> dict[str, object]:
    return {
        # Only without threads do errors name the line; the types of the columns make this fast enough.
        "read_options": csv.ReadOptions(use_threads=False, block_size=block_bytes),
        "parse_options": csv.ParseOptions(newlines_in_values=True),
    }


def _check_quotes(path: Path) -> None:
    """Refuse a quote that is never closed: pyarrow would take the rest of the file for one value."""
    with _stream(path) as stream:
        quotes = sum(chunk.count(b'"') for chunk in iter(lambda: stream.read(_BLOCK_BYTES), b""))
    if quotes % 2:
        with io.BufferedReader(_stream(path)) as lines:
            line = next(number for number, line in enumerate(lines, start=1) if line.count(b'"') % 2)
        raise Unreadable(f'near line {line} a quote (") is opened and never closed: close it, or double it in a value')
