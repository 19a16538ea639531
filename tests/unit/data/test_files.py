"""What is particular to one format of files."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.sources import json_file, parquet_file
from perennial.data.sources.rows import ScanRequest
from perennial.data.values.columns import Kind, ValueType
from perennial.data.window import Bounds
from tests.unit.data.conftest import RunMaker, SpecMaker
from tests.unit.data.flights import START, land, table

REQUEST = ScanRequest(columns=("at", "late", "note"), event_time="at", time_zone=None, open_columns=("late", "note"))


def test_csv_keeps_leading_zeros_and_newlines_and_reads_labels(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    (folder / "a.csv").write_text(
        '\ufeffat,carrier,distance,late,note\n2013-01-01 00:00:00+01:00,007,NA,True,"two\nlines"\n'
        "2013-01-02 00:00:00+01:00,,1e3,False,x\n"
    )
    run = make_run(make_spec(source={"format": "csv"}))
    frame = read_snapshot(run.store, ingest(run))
    assert frame.carrier.tolist()[0] == "007"
    assert frame.carrier.isna().tolist() == [False, True]
    assert frame.distance.isna().tolist() == [True, False]
    assert frame.late.tolist() == [1, 0]


def test_labels_that_are_text_stay_text(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    (folder / "a.csv").write_text("at,carrier,distance,late\n2013-01-01T00Z,UA,1,1\n2013-01-01T01Z,UA,1,yes\n")
    run = make_run(make_spec(source={"format": "csv"}))
    assert read_snapshot(run.store, ingest(run)).late.tolist() == ["1", "yes"]


def test_whole_numbers_in_json_lines_keep_all_their_digits_beside_fractions(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    carriers = [2**53, 2**53 + 1, 2**64 - 1, 0.5, 49170000001.0]
    rows = [{"at": f"2013-01-01T0{n}Z", "late": n % 2, "distance": 1, "carrier": c} for n, c in enumerate(carriers)]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = make_run(make_spec(source={"format": "jsonl"}))
    frame = read_snapshot(run.store, ingest(run)).sort_values("at")
    assert frame.carrier.tolist() == [str(2**53), str(2**53 + 1), str(2**64 - 1), "0.5", "49170000001"]


def test_json_lines_may_mix_numbers_and_text_in_a_column(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    lines = [
        {"at": "2013-01-01T00:00:00Z", "carrier": 7, "distance": 1, "late": 1, "other": {"a": 1}},
        {"at": "2013-01-01T01:00:00Z", "carrier": "UA", "distance": "2.5", "late": 0, "other": 3},
        {"at": "2013-01-01T02:00:00Z", "distance": float("inf"), "late": 0},
    ]
    (folder / "a.ndjson").write_text("\n".join(map(json.dumps, lines)))
    run = make_run(make_spec(source={"format": "jsonl"}))
    frame = read_snapshot(run.store, ingest(run))
    assert frame.carrier.fillna("-").tolist() == ["7", "UA", "-"]
    assert frame.distance.tolist() == [1.0, 2.5, float("inf")]


def test_a_json_column_may_change_from_block_to_block(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_file, "_BLOCK_BYTES", 64)
    carriers: list[Any] = [1, 2, "UA", "AA", None, 3]
    lines = [json.dumps({"at": "2013-01-01T00:00:00Z", "carrier": one}) for one in carriers]
    path = folder / "a.jsonl"
    path.write_text("\n".join(lines))
    kinds = {"at": Kind.TIME, "carrier": Kind.TEXT}
    found = list(json_file.read(path, kinds, json_file.scan(path, REQUEST), REQUEST, None))
    assert [rows.first_row for rows in found] == sorted(rows.first_row for rows in found)
    assert len(found) > 1
    values = [value for rows in found for value in rows.batch.column("carrier").to_pylist()]
    assert [None if value is None else str(value) for value in values] == ["1", "2", "UA", "AA", None, "3"]


def test_a_json_column_may_begin_far_into_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_file, "_BLOCK_BYTES", 64)
    lines: list[dict[str, Any]] = [{"at": "2013-01-01T00:00:00Z", "other": n} for n in range(20)]
    lines += [{"at": "2013-01-02T00:00:00Z", "note": 1}, {"at": "2013-01-03T00:00:00Z", "late": 1}]
    lines += [{"at": "2013-01-04T00:00:00Z", "late": "yes"}] * 20
    path = folder / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    summary = json_file.scan(path, REQUEST)
    assert summary.types == {"at": "text", "other": "number", "note": "number", "late": "number or text"}
    assert summary.value_types == {
        "note": {ValueType.NUMBER, ValueType.EMPTY},
        "late": set(ValueType) - {ValueType.TIME},
    }
    assert summary.rows == 42


@pytest.mark.parametrize(
    ("value", "natural"),
    [
        ("2013-01-01", ValueType.TIME),
        ("2013-01-01T00:00:00.123Z", ValueType.TIME),
        ("7", ValueType.TEXT),
        (7, ValueType.NUMBER),
    ],
)
def test_json_text_may_be_a_time_but_no_number(folder: Path, value: Any, natural: ValueType) -> None:
    path = folder / "a.jsonl"
    path.write_text(json.dumps({"at": "2013-01-01T00:00:00Z", "note": value}))
    assert json_file.scan(path, REQUEST).value_types["note"] == {natural}


def test_parquet_without_statistics_is_scanned(folder: Path) -> None:
    path = folder / "a.parquet"
    pq.write_table(table(10), path, write_statistics=False)
    summary = parquet_file.scan(path, REQUEST)
    assert (summary.rows, summary.start, summary.end) == (10, START, START + timedelta(hours=9))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_statistics_tell_the_range_in_every_unit(folder: Path, unit: str) -> None:
    path = land(folder, at=table(10)["at"].cast(pa.timestamp(unit, "America/New_York")))
    summary = parquet_file.scan(path, REQUEST)
    assert (summary.rows, summary.start, summary.end) == (10, START, START + timedelta(hours=9))


def test_row_groups_outside_the_window_are_not_read(folder: Path) -> None:
    path = land(folder, rows=10)
    bounds = Bounds(START + timedelta(hours=4), START + timedelta(hours=5))
    found = list(parquet_file.read(path, {"at": Kind.TIME}, parquet_file.scan(path, REQUEST), REQUEST, bounds))
    assert [(rows.first_row, rows.batch.num_rows) for rows in found] == [(3, 3)]


def test_categories_of_parquet_are_text(folder: Path, make_run: RunMaker) -> None:
    plain = land(folder)
    first = ingest(make_run())
    pq.write_table(table(10, carrier=table(10)["carrier"].dictionary_encode()), plain)
    assert ingest(make_run()).digest == first.digest


def test_columns_left_to_the_source_get_its_type(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    land(folder, gate=pa.array([1] * 10, pa.int8()), seen=table(10)["at"].cast(pa.timestamp("ns", "UTC")))
    columns = ["gate", "seen", "flight"]
    spec = make_spec(validation=[{"type": "expect_column_to_exist", "kwargs": {"column": one}} for one in columns])
    types = ingest(make_run(spec)).schema_
    assert [types[one] for one in columns] == ["double", "timestamp[us, tz=UTC]", "double"]
