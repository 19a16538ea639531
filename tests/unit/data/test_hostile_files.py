"""Whatever a source holds, ingest takes it or says clearly what is wrong: no other error comes out, and no crash."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.deployment import Deployment
from perennial.errors import PerennialError
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore

COLUMNS = ["at", "flight", "late", "distance", "carrier", "gate"]
quick = settings(
    max_examples=int(os.environ.get("FUZZ", "25")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

texts = st.text(max_size=8) | st.sampled_from(
    ["", "NA", "1e999", "-0", "\0", "'", '"', "\n", "\u202e", "$x^", "2013-01-01T00:00Z"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | texts
    | st.datetimes().map(str)
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
times = st.datetimes(datetime(2013, 1, 1), datetime(2013, 1, 9)).map(lambda at: at.isoformat() + "Z")


def rows_of(each: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of plain times and anything else, or of anything at all; some lack columns."""
    others = dict.fromkeys(COLUMNS[1:], each)
    row = st.fixed_dictionaries({"at": times}, optional=others) | st.fixed_dictionaries({"at": times, **others})
    return st.lists(row | st.fixed_dictionaries({}, optional={"at": each, **others}), min_size=1, max_size=6)


def spec_of(source: dict[str, Any], *, task: str, open_column: bool) -> ModelSpec:
    features: dict[str, Any] = {"numeric": ["distance"], "categorical": ["carrier"]}
    if open_column:
        features = {"transform": "flights.features:make", "inputs": ["gate"], "numeric": ["made"]}
    return ModelSpec.model_validate(
        {
            "name": "flights",
            "task": task,
            "source": {"event_time": "at", "time_zone": "UTC", "window": {"rows": 100}, "key": ["flight"]} | source,
            "target": {"column": "late"},
            "features": features,
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {
                "holdout": {"fraction": 0.2},
                "gates": {"min_rows": 1},
                "primary": "roc_auc" if task == "classification" else "rmse",
            },
        }
    )


def take(write: Callable[[Path], dict[str, Any]], *, sql_url: str | None = None) -> None:
    """Ingest what is written, as every kind of column; only errors with a message may come."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        source = write(data)
        for task, open_column in (("classification", True), ("regression", False)):
            run = RetrainingRun(
                spec=spec_of(source, task=task, open_column=open_column),
                deployment=Deployment(
                    store=LocalStore(Path(name) / task),
                    tracking_uri="",
                    data_root=data,
                    sql_url=sql_url or f"sqlite:///{data}/db.sqlite",
                ),
                run_id="fuzz",
                now=datetime(2026, 1, 1, tzinfo=UTC),
            )
            try:
                read_snapshot(run.store, ingest(run))
            except PerennialError as error:
                # A message that no terminal can print would be an error of its own.
                str(error).encode()


def of_files(kind: str, suffix: str, *contents: bytes) -> Callable[[Path], dict[str, Any]]:
    def write(data: Path) -> dict[str, Any]:
        for number, content in enumerate(contents):
            (data / f"{number}{suffix}").write_bytes(content)
        return {"uri": ".", "format": kind}

    return write


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode("utf-8", "surrogatepass")


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


PLAIN = [
    {"at": f"2013-01-0{1 + n}T00:00:00Z", "flight": n, "late": n % 2, "distance": n / 2, "carrier": "UA", "gate": n}
    for n in range(6)
]


def as_parquet(table: pa.Table, **how: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=2, **how)
    return bytes(sink.getvalue())


PLAIN_TABLE = pa.Table.from_pylist(PLAIN)
VALID = {
    "csv": (".csv", as_csv(PLAIN)),
    "csv.gz": (".csv.gz", gzip.compress(as_csv(PLAIN))),
    "jsonl": (".jsonl", as_jsonl(PLAIN)),
    "jsonl.gz": (".jsonl.gz", gzip.compress(as_jsonl(PLAIN))),
    "parquet": (".parquet", as_parquet(PLAIN_TABLE, compression="none")),
}


@pytest.mark.parametrize("kind", VALID)
@quick
@given(data=st.data())
def test_bytes_that_are_changed_removed_or_put_in(kind: str, data: st.DataObject) -> None:
    suffix, valid = VALID[kind]
    content = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        removed = data.draw(st.sampled_from([0, 1, 1, 1, 8, 1000]))
        content[place : place + removed] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"\n", b",", b"[", b"\\u"])
        )
    take(of_files(kind.removesuffix(".gz"), suffix, bytes(content)))


@pytest.mark.parametrize("kind", VALID)
@quick
@given(content=st.binary(max_size=200))
def test_any_bytes(kind: str, content: bytes) -> None:
    take(of_files(kind.removesuffix(".gz"), VALID[kind][0], content))


@quick
@given(rows=rows_of(scalars))
def test_any_values_in_csv(rows: list[dict[str, Any]]) -> None:
    take(of_files("csv", ".csv", as_csv(rows)))


@quick
@given(rows=rows_of(values), more=rows_of(scalars))
def test_any_values_in_json_lines(rows: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    take(of_files("jsonl", ".jsonl", as_jsonl(rows), as_jsonl(more)))


@pytest.mark.parametrize("opening", ["[", '{"a": '])
@pytest.mark.parametrize("levels", [300, 5_000, 100_000, 5_000_000])
@pytest.mark.parametrize("column", ["gate", "other"])
def test_json_that_is_nested_deep(opening: str, levels: int, column: str) -> None:
    closing = {"[": "]"}.get(opening, "}")
    deep = f'{{"at": "2013-01-07T00:00:00Z", "{column}": {opening * levels}1{closing * levels}}}'
    take(of_files("jsonl", ".jsonl", as_jsonl(PLAIN) + b"\n" + deep.encode()))
    take(of_files("jsonl", ".jsonl", deep.replace(opening, opening + "\n").encode()))


any_time = (
    pa.timestamp("us"),
    pa.timestamp("ns", "UTC"),
    pa.timestamp("s", "Europe/Berlin"),
    pa.timestamp("ms", "No/Where"),
)
TYPES = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.null(), pa.date32(), pa.date64(), *any_time),
    *(pa.time32("s"), pa.time64("ns"), pa.duration("us"), pa.decimal128(38, 5), pa.decimal256(76, -5), pa.string()),
    *(pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(8)),
    *(pa.list_(pa.int64()), pa.struct({"a": pa.string()}), pa.map_(pa.string(), pa.int8())),
]


def column_of(dtype: pa.DataType, raw: bytes, rows: int, missing: list[bool]) -> pa.Array:
    """Make a column of any type from any bytes."""
    width = 1 if pa.types.is_boolean(dtype) or pa.types.is_null(dtype) else 8
    try:
        width = dtype.bit_width // 8
    except ValueError:
        width = 8
    if pa.types.is_null(dtype):
        return pa.nulls(rows)
    if pa.types.is_nested(dtype):
        one = {"list": [1, None], "struct": {"a": "x"}, "map": [("k", 1)]}[str(dtype).split("<")[0]]
        return pa.array([None if gone else one for gone in missing], dtype)
    data = (raw * (rows * max(width, 8)))[: rows * max(width, 8)] or bytes(rows * max(width, 8))
    if pa.types.is_boolean(dtype):
        return pa.array([None if gone else bool(data[n] % 2) for n, gone in enumerate(missing)])
    validity = pa.array([not gone for gone in missing]).buffers()[1]
    if dtype in (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view()):
        pieces = pa.array([None if gone else data[8 * n : 8 * n + 8] for n, gone in enumerate(missing)], pa.binary())
        if dtype not in (pa.string(), pa.binary()):
            return (
                pieces.cast(dtype, safe=False)
                if "string" not in str(dtype)
                else pa.array(
                    [None if gone else data[8 * n : 8 * n + 8].decode("latin-1") for n, gone in enumerate(missing)],
                    dtype,
                )
            )
        return pa.Array.from_buffers(dtype, rows, pieces.buffers())
    return pa.Array.from_buffers(dtype, rows, [validity, pa.py_buffer(data)])


@quick
@given(data=st.data())
def test_any_types_and_values_in_parquet(data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 5))
    table = PLAIN_TABLE.slice(0, rows)
    for name in data.draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=True)):
        raw = data.draw(
            st.binary(min_size=1, max_size=40) | st.sampled_from([b"\xff", b"\x7f\xff\xff\xff", bytes(7) + b"\x80"])
        )
        missing = data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
        column = column_of(data.draw(st.sampled_from(TYPES)), raw, rows, missing)
        table = table.set_column(COLUMNS.index(name), name, column)
    how = {"use_deprecated_int96_timestamps": data.draw(st.booleans()), "write_statistics": data.draw(st.booleans())}
    try:
        content = as_parquet(table, **how)
    except (pa.ArrowException, OSError, OverflowError):
        return
    take(of_files("parquet", ".parquet", content))


@quick
@given(
    rows=rows_of(scalars.filter(lambda value: not isinstance(value, int) or abs(value) < 2**63) | st.binary(max_size=8))
)
def test_any_values_in_a_database(rows: list[dict[str, Any]]) -> None:
    def write(data: Path) -> dict[str, Any]:
        with sqlite3.connect(data / "db.sqlite") as connection:
            connection.execute("create table flights (at, flight, late, distance, carrier, gate)")
            for row in rows:
                try:
                    connection.execute("insert into flights values (?,?,?,?,?,?)", [row.get(name) for name in COLUMNS])
                except UnicodeEncodeError:
                    continue
        connection.close()
        return {"sql": "select * from flights", "connection": "db"}

    take(write)
