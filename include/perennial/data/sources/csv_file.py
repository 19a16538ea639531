"""CSV files with a header, gzipped or not. All values are read as text: the spec decides their types, not the file."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from perennial.data.sources.rows import Rows, ScanRequest, Unreadable, scan_rows
from perennial.data.sources.summary import SourceSummary, rough_type_name
from perennial.data.values.columns import Kind, ValueType
from perennial.data.window import Bounds
from perennial.spec.source import Csv

SUFFIXES = (".csv", ".csv.gz")
_BLOCK_BYTES = 4 * 1024 * 1024
_HEADER_BYTES = 1024 * 1024
_SAMPLE_BYTES = 64 * 1024
_DECIMAL_COMMA = r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$"
_WITH_POINT = r"^[+-]?\d*\.[\d.]*(?:,\d*)?$"


def scan(path: Path, request: ScanRequest) -> SourceSummary:
    """Return a file's summary by reading event times and open columns.

    Types are guessed from the beginning of the file.
    """
    with _unreadable(request.csv):
        _check_form(path, request)
        _check_quotes(path, request.csv)
        header = _header(path, request.csv)
        types = {field.name: rough_type_name(field.type) for field in header}
        if request.event_time not in types:
            return SourceSummary(rows=0, start=None, end=None, types=types)
        wanted = [request.event_time, *(column for column in request.open_columns if column in types)]
        return scan_rows(
            _batches(path, header, wanted, request.open_columns, request.csv),
            request,
            types,
            guess=(ValueType.NUMBER, ValueType.TIME),
        )


def read(
    path: Path, columns: Mapping[str, Kind], _summary: SourceSummary, request: ScanRequest, _bounds: Bounds | None
) -> Iterator[Rows]:
    """Yield all rows of the file. Only formats with statistics can skip rows outside the bounds."""
    with _unreadable(request.csv):
        header = _header(path, request.csv)
        wanted = [name for name in columns if name in header.names]
        numbers = [name for name in wanted if columns[name] in (Kind.NUMBER, Kind.OPEN, Kind.LABEL)]
        yield from _batches(path, header, wanted, numbers, request.csv)


@contextmanager
def _unreadable(form: Csv) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        raise _not_encoded(form) from error
    except (OSError, pa.ArrowException) as error:
        if "invalid UTF8" in str(error):
            raise _not_encoded(form) from error
        # "CSV parse error: Row #4: Expected 3 columns, got 2: a,b"
        place = re.search(r"Row #(\d+): (.*)", str(error), flags=re.DOTALL)
        problem = f"line {place[1]}: {place[2].strip()}" if place else str(error).strip()
        if problem == "Empty CSV file":
            raise Unreadable("is empty, it has not even a header: remove it, or deliver it again") from error
        raise Unreadable(
            f"{problem}. The file is not readable as CSV, perhaps truncated or half-written: correct or remove the line"
        ) from error


def _not_encoded(form: Csv) -> Unreadable:
    return Unreadable(
        f"is not text in {form.encoding.upper()}: write it in that encoding, or give its encoding, such as "
        "`source.csv.encoding: cp1252`"
    )


def _check_form(path: Path, request: ScanRequest) -> None:
    """Refuse a file with another encoding or delimiter than the spec says, before its content is misread."""
    form = request.csv
    if _is_utf_8(form):
        with _stream(path, form) as stream:
            head = stream.read(_SAMPLE_BYTES)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or head.count(0) > len(head) // 4:
            raise Unreadable("is written in UTF-16: give `source.csv.encoding: utf-16`, or write it in UTF-8")
    with _stream(path, form) as stream:
        header = stream.read(_SAMPLE_BYTES).decode(errors="replace").partition("\n")[0].removeprefix("\ufeff")
    names = _names(header, form.delimiter)
    for other in ";\t|,":
        if request.event_time not in names and request.event_time in _names(header, other):
            raise Unreadable(
                f"its values are separated by {other!r}, not by {form.delimiter!r}: give source.csv.delimiter, "
                "and source.csv.decimal if numbers have a decimal comma"
            )


def _names(header: str, delimiter: str) -> set[str]:
    return {name.strip().strip('"') for name in header.split(delimiter)}


def _header(path: Path, form: Csv) -> pa.Schema:
    with _stream(path, form) as stream, csv.open_csv(stream, **_settings(_HEADER_BYTES, form)) as reader:
        return reader.schema


def _batches(path: Path, header: pa.Schema, columns: list[str], numbers: Collection[str], form: Csv) -> Iterator[Rows]:
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
    settings = _settings(_BLOCK_BYTES, form)
    with _stream(path, form) as stream, csv.open_csv(stream, convert_options=conversion, **settings) as reader:
        for batch in reader:
            rows = Rows(first_row, batch)
            yield rows if form.decimal == "." else _with_points(rows, numbers)
            first_row += batch.num_rows


def _with_points(rows: Rows, numbers: Collection[str]) -> Rows:
    """Return the rows with decimal commas replaced by points in these columns."""
    batch = rows.batch
    for index, column in enumerate(batch.schema.names):
        if column in numbers:
            values = batch.column(index)
            pointed = pc.index(pc.match_substring_regex(values, _WITH_POINT), True).as_py()
            if pointed >= 0:
                raise Unreadable(
                    f"row {rows.number(pointed)}, column {column!r}: {values[pointed].as_py()!r} has a point, although "
                    "source.csv.decimal is a comma: write numbers without points between thousands"
                )
            batch = batch.set_column(index, column, pc.replace_substring_regex(values, _DECIMAL_COMMA, r"\1.\2"))
    return replace(rows, batch=batch)


def _is_utf_8(form: Csv) -> bool:
    return codecs.lookup(form.encoding).name == "utf-8"


def _stream(path: Path, form: Csv) -> pa.NativeFile:
    """Open the file's text, in UTF-8."""
    stream = pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None)
    return stream if _is_utf_8(form) else pa.transcoding_input_stream(stream, form.encoding, "utf-8")


def _settings(block_bytes: int, form: Csv) -> dict[str, object]:
    return {
        # Errors name the line only without threads. Reading text columns is fast enough without them.
        "read_options": csv.ReadOptions(use_threads=False, block_size=block_bytes),
        "parse_options": csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
    }


def _check_quotes(path: Path, form: Csv) -> None:
    """Refuse a quote that is never closed: pyarrow would take the rest of the file for one value."""
    with _stream(path, form) as stream:
        quotes = sum(chunk.count(b'"') for chunk in iter(lambda: stream.read(_BLOCK_BYTES), b""))
    if quotes % 2:
        with io.BufferedReader(_stream(path, form)) as lines:
            line = next(number for number, line in enumerate(lines, start=1) if line.count(b'"') % 2)
        raise Unreadable(f'near line {line} a quote (") is opened and never closed: close it, or double it in a value')
