"""Times at the calendar's ends, and beyond them, whatever holds them: taken as they are, or refused with their place."""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.values.canonical import BadValue, canonical
from perennial.data.values.columns import TIME
from perennial.errors import DataError
from perennial.moments import FIRST, LAST
from perennial.spec import ModelSpec
from tests.unit.data.conftest import RunMaker, SpecMaker
from tests.unit.data.flights import START, land, table

ENDS = [START, FIRST, LAST, None]
LONG_AGO = datetime(1816, 3, 30, tzinfo=UTC)
FAR = datetime(9999, 12, 31, tzinfo=UTC)


def raw(values: list[int], dtype: pa.DataType) -> pa.Array:
    return pa.array(values, pa.int64()).cast(pa.int32() if pa.types.is_date32(dtype) else pa.int64()).cast(dtype)


OUTSIDE = [
    *(raw([0, value], pa.timestamp("us", zone)) for value in (2**63 - 1, -(2**63), 2**59) for zone in (None, "UTC")),
    *(raw([0, value], pa.timestamp("ms")) for value in (2**63 - 1, -(2**63), 317_000_000_000_000)),
    *(raw([0, value], pa.timestamp("s", "Europe/Berlin")) for value in (2**63 - 1, -(2**63), 317_000_000_000)),
    raw([0, 2**40], pa.timestamp("s", "No/Where")),
    raw([0, 2**31 - 1], pa.date32()),
    raw([0, -(2**31)], pa.date32()),
    raw([0, 2**62 // 86_400_000 * 86_400_000], pa.date64()),
    pa.array(["2013-01-01", "0000-12-31"]),
    pa.array(["2013-01-01", "0001-01-01T00:00:00+14:00"]),
    pa.array(["2013-01-01", "9999-12-31T23:59:59-14:00"]),
    # Midnight in New York is no more than the next day's morning in UTC.
    raw([0, 253_402_300_799], pa.timestamp("s")),
]


@pytest.mark.parametrize("array", OUTSIDE, ids=lambda array: str(array.type))
def test_a_time_outside_the_calendar_is_named_with_its_place(array: pa.Array) -> None:
    with pytest.raises(BadValue, match=r"is outside the years 1 to 9999 \(UTC\)") as caught:
        canonical(array, TIME, "America/New_York")
    assert caught.value.index == 1


def test_the_calendars_ends_are_times_like_others() -> None:
    for unit in ("us", "ms", "s"):
        ends = pa.array([end and end.replace(microsecond=0) for end in ENDS], pa.timestamp(unit, "UTC"))
        assert canonical(ends, TIME, None).to_pylist() == [end and end.replace(microsecond=0) for end in ENDS]


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize(
    "values",
    [
        raw([0, 2**63 - 1, 1, -(2**63) + 1], pa.timestamp("us", "UTC")),
        raw([0, 317_000_000_000_000], pa.timestamp("ms", "UTC")),
        raw([0, 3_000_000], pa.date32()),
    ],
    ids=["extremes", "year 12015", "date"],
)
def test_an_event_time_outside_the_calendar_has_file_row_column_and_value(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, values: pa.Array, statistics: bool
) -> None:
    rows = table(len(values)).set_column(0, "at", values)
    pq.write_table(rows, folder / "a.parquet", write_statistics=statistics)
    with pytest.raises(DataError, match=r"flights/a\.parquet: row 2, column 'at': '.*' is outside the years 1 to 9999"):
        ingest(make_run(make_spec(source={"time_zone": "UTC"})))


def of_times(make_spec: SpecMaker, **source: Any) -> ModelSpec:
    return make_spec(
        source=source,
        features={"transform": "perennial.data.values.columns:check_columns", "inputs": ["when"], "numeric": ["made"]},
    )


def test_int96_keeps_its_century(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    times = pa.array([START, FAR, FIRST, LONG_AGO], pa.timestamp("us", "UTC"))
    rows = table(4).set_column(0, "at", times).append_column("when", times)
    pq.write_table(rows, folder / "a.parquet", use_deprecated_int96_timestamps=True)
    snapshot = ingest(run := make_run(of_times(make_spec, window={"rows": 9}, time_zone="UTC"), now=LAST))
    assert (snapshot.start, snapshot.end, snapshot.rows) == (FIRST, FAR, 4)
    frame = read_snapshot(run.store, snapshot)
    assert [moment.to_pydatetime() for moment in frame["when"]] == [FIRST, LONG_AGO, START, FAR]
    assert frame["when"].equals(frame["at"].rename("when"))


def test_an_input_outside_the_calendar_is_refused_too(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    land(folder, when=raw([0, *[1] * 8, 2**62], pa.timestamp("us", "UTC")))
    with pytest.raises(DataError, match=r"row 10, column 'when': .* is outside the years 1 to 9999"):
        ingest(make_run(of_times(make_spec)))


@pytest.mark.parametrize("window", [{"days": 30}, {"rows": 3}, {"since": "0001-01-01T00:00:00Z"}])
@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl", "sql"])
def test_rows_at_the_calendars_ends_can_be_taken(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, kind: str, window: dict[str, Any]
) -> None:
    source, run = landed(folder, kind, [START, FIRST, LAST, FIRST + timedelta(days=1)])
    spec = make_spec().model_dump(exclude_unset=True)
    spec["source"] = {"event_time": "at", "window": window, **source}
    spec = ModelSpec.model_validate(spec)
    assert ingest(make_run(spec, now=LAST, **run)).end == LAST
    assert ingest(make_run(spec, now=LAST, as_of=FIRST, **run)).rows == 1


def landed(folder: Path, kind: str, times: list[datetime]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write flights at these times; return what a spec and a run then say of their source."""
    rows = [row | {"at": at.isoformat()} for row, at in zip(table(len(times)).to_pylist(), times, strict=True)]
    if kind == "sql":
        path = folder / "flights.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("create table flights (at, flight, distance, carrier, late)")
            connection.executemany("insert into flights values (?, ?, ?, ?, ?)", [list(row.values()) for row in rows])
        connection.close()
        return {"sql": "select * from flights", "connection": "db"}, {"sql_url": f"sqlite:///{path}"}
    if kind == "parquet":
        pq.write_table(table(len(times)).set_column(0, "at", pa.array(times)), folder / "a.parquet", row_group_size=1)
    elif kind == "jsonl":
        (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    else:
        with (folder / "a.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return {"uri": "flights/", "format": kind}, {}


@pytest.mark.parametrize("bad", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "sql"])
def test_text_outside_the_calendar_has_its_row(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, kind: str, bad: str
) -> None:
    source, run = landed(folder, kind, [START, datetime.fromisoformat(bad)])
    spec = make_spec().model_dump(exclude_unset=True)
    spec["source"] = {"event_time": "at", "window": {"days": 3}, **source}
    with pytest.raises(DataError, match=r"row 2, column 'at': '.*' is outside the years 1 to 9999"):
        ingest(make_run(ModelSpec.model_validate(spec), **run))


@pytest.mark.filterwarnings("ignore:The default timestamp converter:DeprecationWarning")
def test_a_time_that_the_driver_cannot_read_is_said(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    path = folder / "flights.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table flights (at timestamp, flight, distance, carrier, late)")
        connection.execute("insert into flights values ('-0044-03-15 12:00:00', 1, 1, 'UA', 1)")
    connection.close()
    spec = make_spec().model_dump(exclude_unset=True)
    spec["source"] = {"event_time": "at", "window": {"days": 3}, "sql": "select * from flights", "connection": "db"}
    with pytest.raises(DataError, match=r"the query over db: a value of the result cannot be read \(ValueError"):
        ingest(make_run(ModelSpec.model_validate(spec), sql_url=f"sqlite:///{path}?detect_types=1"))
