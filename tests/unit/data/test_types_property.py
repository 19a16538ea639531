"""One table has one digest in every physical type that can hold it, and keys are recognised across files of other types."""

from __future__ import annotations

import csv
import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.records import Snapshot
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore

Row = dict[str, Any]
Types = Mapping[str, pa.DataType]

NOW = datetime(2200, 1, 1, tzinfo=UTC)
WHOLE = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float32(), pa.float64(), pa.decimal128(38, 6), pa.decimal256(60, 20)),
)
FRACTIONS = (pa.float16(), pa.float32(), pa.float64(), pa.decimal128(38, 12), pa.decimal256(60, 30))
TEXTS = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary())
NAIVE = (*(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")), pa.date32(), pa.date64())
ZONED = tuple(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in ("UTC", "America/New_York"))
TYPES: dict[str, tuple[pa.DataType, ...]] = {
    "at": (*ZONED, *NAIVE),
    "id": (*WHOLE, *TEXTS),
    "day": NAIVE,
    "seen": ZONED,
    "carrier": TEXTS,
    "code": (*WHOLE, *TEXTS),
    "rate": FRACTIONS,
    "cancelled": (pa.bool_(), pa.bool8(), *TEXTS),
    "distance": (*WHOLE, *FRACTIONS),
    "gate": (*WHOLE, *FRACTIONS, pa.bool_()),
    "late": (*WHOLE, pa.bool_()),
}
SPEC = ModelSpec.model_validate(
    {
        "name": "flights",
        "task": "classification",
        "source": {
            "uri": "rows",
            "event_time": "at",
            "time_zone": "UTC",
            "key": ["id", "day"],
            "window": {"since": "1900-01-01T00:00:00Z"},
        },
        "target": {"column": "late"},
        "features": {"numeric": ["distance"], "categorical": ["carrier", "code", "rate", "cancelled", "seen"]},
        "validation": [{"type": "expect_column_to_exist", "kwargs": {"column": "gate"}}],
        "model": {"estimator": "sklearn.dummy.DummyClassifier"},
        "evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"},
    }
)
PLAIN: Types = {
    "at": pa.timestamp("us", "UTC"),
    "id": pa.int64(),
    "day": pa.timestamp("us"),
    "seen": pa.timestamp("us", "UTC"),
    "carrier": pa.string(),
    "code": pa.int64(),
    "rate": pa.float64(),
    "cancelled": pa.bool_(),
    "distance": pa.float64(),
    "gate": pa.float64(),
    "late": pa.int64(),
}

midnights = st.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(hour=0, minute=0, second=0, microsecond=0)
)
moments = midnights | st.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1))
rows = st.fixed_dictionaries(
    {
        "at": moments.map(lambda at: at.replace(tzinfo=UTC)),
        "id": st.sampled_from([7, 49170000001, 49170000002, 2**60]),
        "day": st.none() | st.sampled_from([datetime(2013, 1, 1), datetime(2013, 1, 2)]) | moments,
        "seen": st.none() | moments.map(lambda at: at.replace(tzinfo=UTC)),
        "carrier": st.sampled_from([None, "UA", "007", "1.0", "NA", "Ä"]),
        "code": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200),
        "rate": st.none() | st.integers(-(2**20), 2**20).map(lambda n: n / 16) | st.sampled_from([0.5, 2.0**-12]),
        "cancelled": st.none() | st.booleans(),
        "distance": st.none() | st.integers(-(2**53), 2**53).map(float),
        "gate": st.sampled_from([None, 0.0, 1.0]),
        "late": st.sampled_from([0, 1]),
    }
)


def held(values: list[Any], plain: pa.DataType, dtype: pa.DataType) -> pa.Array | None:
    """Return the values in a type, or None if it cannot hold them."""
    array = pa.array(values, plain)
    try:
        if dtype in TEXTS:
            # As a person would write them: a type of text holds them if it says the same.
            return array.cast(pa.string()).cast(dtype)
        if pa.types.is_timestamp(array.type) and array.type.tz and not getattr(dtype, "tz", None):
            array = array.cast(pa.timestamp("us"))
        if pa.types.is_decimal(dtype):
            # Arrow's own conversion of floats is not exact.
            return pa.array([None if value is None else Decimal(value) for value in values], dtype)
        if dtype == pa.bool8():
            return array.cast(pa.int8()).view(pa.bool8())
        other = array.cast(dtype)
        return other if other.cast(array.type).equals(array) else None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def types_that_hold(table: list[Row], column: str) -> list[pa.Array]:
    values = [row[column] for row in table]
    return [array for dtype in TYPES[column] if (array := held(values, PLAIN[column], dtype)) is not None]


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Row], list[pa.Table]]:
    """A table, and files that hold it together, each in types of its own."""
    table = draw(st.lists(rows, min_size=1, max_size=10))
    table += draw(st.lists(st.sampled_from(table), max_size=3))
    cut = draw(st.integers(0, len(table)))
    files = []
    for part in filter(None, (table[:cut], table[cut:])):
        arrays = {}
        for column in TYPES:
            array = draw(st.sampled_from(types_that_hold(part, column)))
            encode = array.type in (pa.string(), pa.large_string()) and draw(st.booleans())
            arrays[column] = array.dictionary_encode() if encode else array
        files.append(pa.table(arrays))
    return table, files


def snapshot_of(files: list[pa.Table], *, store_schema: bool = True) -> Snapshot:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "rows").mkdir()
        for index, file in enumerate(files):
            if not store_schema and file["cancelled"].type == pa.bool8():
                # Only Arrow's own schema tells it from a number.
                truth = file["cancelled"].cast(pa.bool_())
                file = file.set_column(file.schema.get_field_index("cancelled"), "cancelled", truth)
            pq.write_table(file, root / "rows" / f"{index}.parquet", store_schema=store_schema)
        return ingest(run_of(SPEC, root))


def run_of(spec: ModelSpec, root: Path, sql_url: str | None = None) -> RetrainingRun:
    deployment = Deployment(store=LocalStore(root / "store"), tracking_uri="", data_root=root, sql_url=sql_url)
    return RetrainingRun(spec=spec, deployment=deployment, run_id="one", now=NOW)


def plainly(table: list[Row]) -> pa.Table:
    return pa.table({column: pa.array([row[column] for row in table], dtype) for column, dtype in PLAIN.items()})


SAME = ("digest", "rows", "start", "end", "schema_", "rows_read", "exact_duplicates", "key_duplicates")


def summary(snapshot: Snapshot) -> dict[str, Any]:
    return {name: getattr(snapshot, name) for name in SAME}


@settings(deadline=None, max_examples=40)
@given(layout=layouts(), store_schema=st.booleans())
def test_a_table_has_one_digest_in_all_types_that_can_hold_it(
    layout: tuple[list[Row], list[pa.Table]], store_schema: bool
) -> None:
    table, files = layout
    assert summary(snapshot_of(files, store_schema=store_schema)) == summary(snapshot_of([plainly(table)]))


def test_all_types_are_tried() -> None:
    row: Row = {
        "at": datetime(2013, 1, 1, tzinfo=UTC),
        "id": 7,
        "day": datetime(2013, 1, 1),
        "seen": datetime(2013, 1, 1, tzinfo=UTC),
        "carrier": "UA",
        "code": 7,
        "rate": 0.5,
        "cancelled": True,
        "distance": 7.0,
        "gate": 1.0,
        "late": 1,
    }
    for column, dtypes in TYPES.items():
        assert [array.type for array in types_that_hold([row], column)] == list(dtypes)


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(sep=" ")
        short = text.rstrip("0") if "." in text else text
        return f"{short}Z" if value.tzinfo else short.removesuffix(" 00:00:00")
    return "" if value is None else f"{Decimal(value):f}" if isinstance(value, float | int) else value


def write_csv(table: list[Row], root: Path) -> dict[str, Any]:
    with (root / "rows" / "one.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(PLAIN))
        writer.writeheader()
        writer.writerows(
            {column: text_of(value) for column, value in row.items()} | {"at": row["at"].isoformat()} for row in table
        )
    return {"uri": "rows", "format": "csv"}


def write_jsonl(table: list[Row], root: Path) -> dict[str, Any]:
    def plain(row: Row) -> Row:
        times = {name: text_of(row[name]) or None for name in ("day", "seen")}
        return {**row, **times, "at": row["at"].isoformat()}

    lines = "".join(json.dumps(plain(row)) + "\n" for row in table)
    (root / "rows" / "one.jsonl").write_text(lines, encoding="utf-8")
    return {"uri": "rows", "format": "jsonl"}


def write_sql(table: list[Row], root: Path) -> dict[str, Any]:
    with sqlite3.connect(root / "db.sqlite") as connection:
        connection.execute(f"create table f ({', '.join(PLAIN)})")
        for row in table:
            other = {name: text_of(row[name]) or None for name in ("day", "seen")} | {"at": row["at"].isoformat()}
            # SQLite has no truth values.
            other["cancelled"] = None if row["cancelled"] is None else str(row["cancelled"]).lower()
            connection.execute(
                f"insert into f values ({', '.join('?' * len(PLAIN))})", [other.get(name, row[name]) for name in PLAIN]
            )
    connection.close()
    return {"sql": "select * from f", "connection": "db"}


@settings(deadline=None, max_examples=10)
@given(table=st.lists(rows, min_size=1, max_size=10))
@pytest.mark.parametrize("write", [write_csv, write_jsonl, write_sql])
def test_a_table_has_the_same_digest_in_formats_without_types(
    write: Callable[[list[Row], Path], dict[str, Any]], table: list[Row]
) -> None:
    # The type of a column that the spec leaves open is the source's to say, which CSV cannot without a value.
    table = [*table, table[0] | {"gate": 1.0}]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "rows").mkdir()
        common = {"event_time": "at", "time_zone": "UTC", "key": ["id", "day"], "window": SPEC.source.window}
        spec = SPEC.model_dump(exclude_unset=True) | {"source": common | write(table, root)}
        found = ingest(run_of(ModelSpec.model_validate(spec), root, sql_url=f"sqlite:///{root}/db.sqlite"))
    assert summary(found) == summary(snapshot_of([plainly(table)]))


@pytest.mark.parametrize(("first", "second"), [(pa.int64(), pa.float64()), (pa.string(), pa.decimal128(20, 2))])
@pytest.mark.parametrize(("unit", "other"), [("ns", "us"), ("ms", "s")])
def test_corrections_are_recognised_in_a_file_of_other_types(
    tmp_path: Path, first: pa.DataType, second: pa.DataType, unit: str, other: str
) -> None:
    (tmp_path / "rows").mkdir()
    base = plainly(
        [
            {column: None for column in PLAIN}
            | {
                "at": datetime(2013, 1, 1, tzinfo=UTC),
                "id": 49170000000 + n,
                "day": datetime(2013, 1, 1, 5),
                "late": n % 2,
            }
            for n in range(300)
        ]
    )
    for name, dtype, units, distance in (("a", first, unit, 1.0), ("b", second, other, 2.0)):
        file = base.set_column(
            base.schema.get_field_index("id"), "id", base["id"].cast(pa.decimal128(19, 0)).cast(dtype)
        )
        file = file.set_column(file.schema.get_field_index("day"), "day", file["day"].cast(pa.timestamp(units)))
        distances = pa.array([distance] * 300)
        file = file.set_column(file.schema.get_field_index("distance"), "distance", distances)
        hour = 0 if name == "a" else 1
        at = pa.array([datetime(2013, 1, 1, hour, tzinfo=UTC)] * 300, pa.timestamp("us", "UTC"))
        pq.write_table(file.set_column(0, "at", at), tmp_path / "rows" / f"{name}.parquet")
    run = run_of(SPEC, tmp_path)
    snapshot = ingest(run)
    assert (snapshot.rows, snapshot.key_duplicates) == (300, 300)
    assert set(read_snapshot(run.store, snapshot)["distance"]) == {2.0}
