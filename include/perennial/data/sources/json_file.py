"""JSON lines, one object per line, gzipped or not.

pyarrow parses block by block. A block that it cannot parse is parsed again line by line: either a line is broken, which
is then named, or a column mixes numbers and text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from perennial.data.sources.rows import Rows, ScanRequest, Unreadable, scan_rows
from perennial.data.sources.summary import SourceSummary, merge, rough_type_name
from perennial.data.values.columns import NUMBER, TEXT, Kind, ValueType, value_type_of
from perennial.data.values.python_values import arrow_array
from perennial.data.window import Bounds

SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
_BLOCK_BYTES = 16 * 1024 * 1024
_EXACT_FLOAT = 2.0**53
# pyarrow recurses into each level of a value to find out its type: thousands of levels crash the process.
_MOST_LEVELS = 200
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_LEVELS = np.zeros(256, dtype=np.int8)
_LEVELS[list(b"[{")], _LEVELS[list(b"]}")] = 1, -1


def scan(path: Path, request: ScanRequest) -> SourceSummary:
    """Return a file's summary by reading event times and open columns.

    The other columns are read until all columns of the spec were seen: a line need not have all of them.
    """
    types: dict[str, str] = {}

    def noting_types() -> Iterator[Rows]:
        explicit = {request.event_time: TEXT}
        wanted = (request.event_time, *request.open_columns)
        for first_row, table in _tables(path, explicit, lambda: wanted if set(request.columns) <= set(types) else None):
            here = {field.name: rough_type_name(field.type) for field in table.schema}
            both = (SourceSummary(rows=0, start=None, end=None, types=names) for names in (types, here))
            types.update(merge(both).types)
            for column in request.open_columns:
                if column in here and column not in explicit and here[column] != "null":
                    explicit[column] = table.schema.field(column).type
            yield from _batches(first_row, table, wanted)

    return scan_rows(noting_types(), request, types, guess=(ValueType.TIME,))


def read(
    path: Path, columns: Mapping[str, Kind], summary: SourceSummary, _request: ScanRequest, _bounds: Bounds | None
) -> Iterator[Rows]:
    """Yield all rows of the file. Only formats with statistics can skip rows outside the bounds."""
    explicit = {column: dtype for column, kind in columns.items() if (dtype := _declared(kind, summary.types[column]))}
    exact = [column for column, kind in columns.items() if kind in (Kind.TEXT, Kind.LABEL)]
    for first_row, table in _tables(path, explicit, lambda: columns, exact):
        yield from _batches(first_row, table, columns)


def _declared(kind: Kind, found: str) -> pa.DataType | None:
    """Return the type with which a column is parsed; None: pyarrow infers it in each block."""
    if kind is Kind.TIME:
        return TEXT
    if found == "number":
        return NUMBER if kind is Kind.NUMBER else None
    return TEXT if found == "text" else None


def _batches(first_row: int, table: pa.Table, columns: Iterable[str]) -> Iterator[Rows]:
    for column in columns:
        if column not in table.schema.names:
            table = table.append_column(column, pa.nulls(len(table)))
    for batch in table.select(list(columns)).combine_chunks().to_batches():
        yield Rows(first_row, batch)


def _tables(
    path: Path,
    explicit: dict[str, pa.DataType],
    columns: Callable[[], Collection[str] | None],
    exact: Collection[str] = (),
) -> Iterator[tuple[int, pa.Table]]:
    """Yield each block with the position of its first row.

    Parameters
    ----------
    explicit : dict of column to type
        Types of columns. Filled in as the blocks show them.
    columns : function that returns a collection of str, or None
        Returns the columns that are wanted of the next block; None: all.
    exact : collection of str
        Columns in which whole numbers must keep all their digits.
    """
    first_row = offset = 0
    for block in _blocks(path):
        if not block.isspace():
            try:
                table = _parsed(block, explicit, columns())
                is_parsed = not any(_lacks_digits(table, column) for column in exact)
            except pa.ArrowInvalid:
                is_parsed = False
            if not is_parsed:
                table = pa.table(_columns_of(_objects(block, _line_at(path, offset))))
            yield first_row, table
            first_row += len(table)
        offset += len(block)


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's content in pieces of whole lines."""
    rest = b""
    try:
        # The next piece is read and decompressed while this one is parsed.
        with _stream(path) as stream, ThreadPoolExecutor(max_workers=1) as ahead:
            coming = ahead.submit(stream.read, _BLOCK_BYTES)
            while chunk := coming.result():
                coming = ahead.submit(stream.read, _BLOCK_BYTES)
                end = chunk.rfind(b"\n") + 1
                if end:
                    yield b"".join((rest, memoryview(chunk)[:end]))
                    rest = chunk[end:]
                else:
                    rest += chunk
    except OSError as error:
        raise Unreadable(f"cannot be read, perhaps truncated or half-written ({error})") from error
    if rest:
        yield rest


def _line_at(path: Path, offset: int) -> int:
    """Return the number of the line that begins at an offset. Slow, so called only for blocks that do not parse."""
    line, left = 1, offset
    with _stream(path) as stream:
        while left:
            chunk = stream.read(min(left, _BLOCK_BYTES))
            line += chunk.count(b"\n")
            left -= len(chunk)
    return line


def _stream(path: Path) -> pa.NativeFile:
    return pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None)


def _parsed(block: bytes, explicit: dict[str, pa.DataType], columns: Collection[str] | None) -> pa.Table:
    # Leaving columns out is faster, but then the types of all others must be declared.
    others = "infer" if columns is None or not set(columns) <= set(explicit) else "ignore"
    if others == "infer" and _is_deep(block):
        raise pa.ArrowInvalid("a value is nested too deep")
    options = arrow_json.ParseOptions(explicit_schema=pa.schema(explicit), unexpected_field_behavior=others)
    table = arrow_json.read_json(pa.BufferReader(block), parse_options=options)
    # pyarrow parses text that looks like a time, and its time zone may be lost.
    times = [field.name for field in table.schema if value_type_of(field.type) is ValueType.TIME]
    if not times:
        return table
    explicit.update(dict.fromkeys(times, TEXT))
    return _parsed(block, explicit, columns)


def _lacks_digits(table: pa.Table, column: str) -> bool:
    """Tell whether a column that was read as floats may have held whole numbers too large for them."""
    if column not in table.schema.names or not pa.types.is_floating(table.schema.field(column).type):
        return False
    return bool(pc.any(pc.greater_equal(pc.abs(table[column]), _EXACT_FLOAT)).as_py())


def _is_deep(block: bytes) -> bool:
    """Tell whether something in a block may be nested more deeply than pyarrow can parse."""
    # Fast path for the usual block of flat objects: each line opens one object after the last was closed.
    if sum(map(block.count, (b"{", b"["))) - sum(map(block.count, (b"}\n{", b"}\r\n{"))) <= _MOST_LEVELS:
        return False
    brackets = np.frombuffer(_STRINGS.sub(b"", block), dtype=np.uint8)
    return int(np.cumsum(_LEVELS[brackets], dtype=np.int32).max(initial=0)) > _MOST_LEVELS


def _objects(block: bytes, first_line: int) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(block.split(b"\n"), start=first_line):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            if b"\\u" in line:
                # Half of a surrogate pair is not a character, so text cannot contain it.
                json.dumps(found, ensure_ascii=False).encode()
        except RecursionError:
            raise Unreadable(f"line {number}: nested too deep: write plain values, or leave the field out") from None
        except ValueError as error:
            raise Unreadable(
                f"line {number} is not JSON ({error}). The file is perhaps truncated or half-written: correct or "
                "remove the line"
            ) from error
        if not isinstance(found, dict):
            raise Unreadable(f'line {number} is not a JSON object: every line must be one, such as {{"distance": 944}}')
        yield found


def _columns_of(objects: Iterator[dict[str, Any]]) -> dict[str, pa.Array]:
    found = list(objects)
    names = dict.fromkeys(name for one in found for name in one)
    return {name: arrow_array([one.get(name) for one in found]) for name in names}
