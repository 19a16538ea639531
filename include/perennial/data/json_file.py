"""JSON lines, one object a line, gzipped or not.

pyarrow parses block by block. A block that it cannot parse is parsed again line by line: it may be broken, and then the
line is named, or it may just hold a column in which numbers and text are mixed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import json as arrow_json

from perennial.data.columns import NUMBER, TEXT, Kind, Natural, natural_of
from perennial.data.facts import Facts, merge, rough_type_name
from perennial.data.rows import Rows, ScanRequest, Unreadable, scan_rows
from perennial.data.window import Bounds

SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
_BLOCK_BYTES = 8 * 1024 * 1024
_EXPLICIT = {Kind.TIME: TEXT, Kind.TEXT: TEXT, Kind.NUMBER: NUMBER}


def scan(path: Path, request: ScanRequest) -> Facts:
    """Return a file's facts by reading it whole: any line may bring another column."""
    types: dict[str, str] = {}

    def noting_types() -> Iterator[Rows]:
        explicit = {request.event_time: TEXT}
        for first_row, table in _tables(path, explicit, columns=None):
            here = {field.name: rough_type_name(field.type) for field in table.schema}
            both = (Facts(rows=0, start=None, end=None, types=names) for names in (types, here))
            types.update(merge(both).types)
            yield from _batches(first_row, table, (request.event_time, *request.open_columns))

    return scan_rows(noting_types(), request, types, guess=(Natural.TIME,))


def read(path: Path, columns: Mapping[str, Kind], _request: ScanRequest, _bounds: Bounds | None) -> Iterator[Rows]:
    """Yield all rows of the file: only a format with statistics can leave some out."""
    explicit = {column: _EXPLICIT[kind] for column, kind in columns.items() if kind in _EXPLICIT}
    for first_row, table in _tables(path, explicit, columns=columns):
        yield from _batches(first_row, table, columns)


def _batches(first_row: int, table: pa.Table, columns: Iterable[str]) -> Iterator[Rows]:
    for column in columns:
        if column not in table.schema.names:
            table = table.append_column(column, pa.nulls(len(table)))
    for batch in table.select(list(columns)).combine_chunks().to_batches():
        yield Rows(first_row, batch)


def _tables(
    path: Path, explicit: dict[str, pa.DataType], *, columns: Collection[str] | None
) -> Iterator[tuple[int, pa.Table]]:
    """Yield each block with the position of its first row.

    Parameters
    ----------
    explicit : dict of column to type
        Changed as the blocks show that a column is something else.
    columns : collection of str or None
        Those that are wanted; None: all.
    """
    first_row, first_line = 0, 1
    for block in _blocks(path):
        if not block.isspace():
            # To leave columns out is faster, but then all others must be declared.
            others = "infer" if columns is None or set(columns) > set(explicit) else "ignore"
            table = _parsed(block, first_line, explicit, others)
            yield first_row, table
            first_row += len(table)
        first_line += block.count(b"\n")


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's content in pieces of whole lines."""
    rest = b""
    try:
        with pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as stream:
            while chunk := stream.read(_BLOCK_BYTES):
                whole, newline, rest_of_chunk = chunk.rpartition(b"\n")
                if newline:
                    yield rest + whole + newline
                    rest = rest_of_chunk
                else:
                    rest += chunk
    except OSError as error:
        raise Unreadable(f"cannot be read, perhaps truncated or half-written ({error})") from error
    if rest:
        yield rest


def _parsed(block: bytes, first_line: int, explicit: dict[str, pa.DataType], others: str) -> pa.Table:
    options = arrow_json.ParseOptions(explicit_schema=pa.schema(explicit), unexpected_field_behavior=others)
    try:
        table = arrow_json.read_json(io.BytesIO(block), parse_options=options)
    except pa.ArrowInvalid:
        table = pa.table(_columns_of(_objects(block, first_line)))
        for column, dtype in list(explicit.items()):
            if column in table.schema.names and natural_of(table.schema.field(column).type) is not natural_of(dtype):
                del explicit[column]
        return table
    # Text that looks like a time was read as one, and may have lost its zone.
    times = [field.name for field in table.schema if natural_of(field.type) is Natural.TIME]
    if times:
        explicit.update(dict.fromkeys(times, TEXT))
        return _parsed(block, first_line, explicit, others)
    return table


def _objects(block: bytes, first_line: int) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(block.split(b"\n"), start=first_line):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise Unreadable(
                f"line {number}: no JSON ({error}). The file is perhaps truncated or half-written: mend or remove the line"
            ) from error
        if not isinstance(found, dict):
            raise Unreadable(f'line {number}: no JSON object: every line must be one, such as {{"distance": 944}}')
        yield found


def _columns_of(objects: Iterator[dict[str, Any]]) -> dict[str, pa.Array]:
    found = list(objects)
    names = dict.fromkeys(name for one in found for name in one)
    return {name: _column([one.get(name) for one in found]) for name in names}


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([value if value is None or isinstance(value, str) else json.dumps(value) for value in values])
