"""Whatever is wrong with a source is said clearly, with the place, and the store stays as it was."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from perennial.data.ingest import ingest
from perennial.errors import DataError, PerennialError
from tests.unit.data.conftest import RunMaker, SpecMaker
from tests.unit.data.flights import START, kept_besides_file_facts, land

HEADER = "at,flight,distance,carrier,late\n"
LINE = "2013-01-01T00:00:00Z,1,100,UA,0\n"


@pytest.fixture
def refused(make_run: RunMaker, make_spec: SpecMaker) -> Iterator[Any]:
    """Ingest, and return the error's message."""

    def refused(*, expected: type[PerennialError] = DataError, source: Any = None, **changes: Any) -> str:
        run_changes = {name: changes.pop(name) for name in ("as_of", "window_days", "sql_url") if name in changes}
        with pytest.raises(expected) as caught:
            ingest(make_run(make_spec(source=source or {}, **changes), **run_changes))
        assert not caught.value.retryable
        return str(caught.value)

    yield refused
    assert kept_besides_file_facts(make_run().store) == []


def test_no_files(folder: Path, refused: Any) -> None:
    (folder / "a.csv").write_text(HEADER + LINE)
    assert "flights/ has no .parquet files" in refused()


def test_no_folder(refused: Any) -> None:
    assert "has no .parquet files" in refused()


def test_no_rows(folder: Path, refused: Any) -> None:
    land(folder, rows=0)
    assert "has no rows: check that something was delivered" in refused()


@pytest.mark.parametrize(("days", "window"), [(-1, None), (30, 1)])
def test_no_rows_in_the_window_names_the_sources_range(
    folder: Path, refused: Any, days: int, window: float | None
) -> None:
    land(folder)
    message = refused(as_of=START + timedelta(days=days), window_days=window)
    assert "its event times go from 2013-01-01 00:00:00+00:00 to 2013-01-01 09:00:00+00:00" in message


def test_a_window_between_two_rows(folder: Path, refused: Any) -> None:
    land(folder)
    assert "has no rows from" in refused(as_of=START + timedelta(minutes=30), window_days=0.001)


def test_missing_columns_are_all_named_with_their_roles(folder: Path, refused: Any) -> None:
    land(folder)
    message = refused(
        source={"key": ["flihgt"]},
        target={"column": "delayed"},
        features={"numeric": ["distanse"], "categorical": ["carrier"]},
    )
    assert "target 'delayed'" in message
    assert "feature 'distanse' (did you mean 'distance'?)" in message
    assert "key 'flihgt' (did you mean 'flight'?)" in message
    assert "'carrier'" not in message.splitlines()[1:4]


def test_a_missing_event_time_is_named(folder: Path, refused: Any) -> None:
    land(folder)
    assert "event time 'att' (did you mean 'at'?)" in refused(source={"event_time": "att"})


def test_a_column_that_one_file_lacks_is_named_with_the_file(folder: Path, refused: Any) -> None:
    land(folder, "a.parquet")
    path = land(folder, "b.parquet", first=10)
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(path).drop_columns("distance"), path)
    assert "flights/b.parquet lacks columns" in (message := refused())
    assert "feature 'distance'" in message


def test_a_target_without_values(folder: Path, refused: Any) -> None:
    land(folder, late=pa.nulls(10, pa.int64()))
    assert "the target 'late' is missing in all 10 rows of the window" in refused()


def test_an_infinite_target(folder: Path, refused: Any) -> None:
    land(folder, late=pa.array([float("inf")] + [1.0] * 9))
    message = refused(task="regression", evaluation={"holdout": {"fraction": 0.2}, "primary": "rmse"})
    assert "the target 'late' is infinite in 1 of 10 rows" in message


@pytest.mark.parametrize("largest", [1.7e308, -1e39])
def test_a_target_that_nothing_can_be_reckoned_with(folder: Path, refused: Any, largest: float) -> None:
    land(folder, late=pa.array([largest] + [1.0] * 9))
    message = refused(task="regression", evaluation={"holdout": {"fraction": 0.2}, "primary": "rmse"})
    assert f"the target 'late' is as large as {abs(largest):g}, and beyond 3.4e+38" in message


def test_a_fractional_label(folder: Path, refused: Any) -> None:
    land(folder, late=pa.array([1.0] * 4 + [0.5] * 6))
    assert "flights/a.parquet: row 5, column 'late': '0.5' is not a whole number" in refused()


def test_a_feature_of_another_type(folder: Path, refused: Any) -> None:
    land(folder, distance=pa.array(["1"] * 7 + ["far"] * 3))
    assert "flights/a.parquet: row 8, column 'distance': 'far' is not a number" in refused()


def test_a_bad_values_row_is_that_in_the_file_also_behind_rows_outside_the_window(folder: Path, refused: Any) -> None:
    land(folder, distance=pa.array(["1"] * 8 + ["far"] * 2))
    message = refused(as_of=START + timedelta(hours=9), window_days=4 / 24)
    assert "row 9, column 'distance': 'far'" in message


@pytest.mark.parametrize("size", [0, 3, 100, 1000])
def test_a_truncated_parquet_file(folder: Path, refused: Any, size: int) -> None:
    land(folder, "a.parquet")
    path = land(folder, "b.parquet")
    path.write_bytes(path.read_bytes()[:size])
    message = refused()
    assert "flights/b.parquet: is not a readable Parquet file, perhaps truncated or half-written" in message


def test_a_parquet_file_with_rotten_pages(folder: Path, refused: Any) -> None:
    path = land(folder, "a.parquet", rows=1000)
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content)
    assert "flights/a.parquet: is not a readable Parquet file" in refused()


def test_event_times_without_zone(folder: Path, refused: Any) -> None:
    land(folder, at=pa.array([START.replace(tzinfo=None)] * 10, pa.timestamp("us")))
    message = refused()
    assert "flights/a.parquet: row 1, column 'at': '2013-01-01 00:00:00" in message
    assert "has no zone: write it with one, or give source.time_zone" in message


def test_missing_event_times_are_counted(folder: Path, refused: Any) -> None:
    land(folder, at=pa.array([START] * 7 + [None] * 3, pa.timestamp("us", "UTC")))
    assert "flights/a.parquet: the event time 'at' is missing in 3 rows" in refused()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + LINE + "2013-01-01T00:00:00Z,1,100\n", "flights/a.csv: line 3: Expected 5 columns, got 3"),
        (
            HEADER + LINE + "soon,1,100,UA,0\n",
            "flights/a.csv: row 2, column 'at': 'soon' is not a timestamp such as 2013-03-01T00:00:00Z",
        ),
        (HEADER + "2013-01-01T00:00:00,1,100,UA,0\n", "row 1, column 'at': '2013-01-01 00:00:00' has no zone"),
        (HEADER + LINE + LINE.replace("100", "far"), "flights/a.csv: row 2, column 'distance': 'far' is not a number"),
        (HEADER + LINE + LINE.replace("UA", '"UA') + LINE, "flights/a.csv: near line 3 a quote"),
        (HEADER + LINE + LINE.replace("0\n", '"0\n') + LINE, "flights/a.csv: near line 3 a quote"),
        (HEADER + LINE.replace("2013-01-01T00:00:00Z", ""), "the event time 'at' is missing in 1 row:"),
        (HEADER, "has no rows"),
        ("", "flights/a.csv: is empty, it has not even a header: remove it"),
        (HEADER.replace("flight", "distance") + LINE, "flights/a.csv: has more than one column named 'distance'"),
    ],
)
def test_a_broken_csv_file(folder: Path, refused: Any, content: str, message: str) -> None:
    (folder / "a.csv").write_text(content)
    assert message in refused(source={"format": "csv"})


def test_a_line_far_into_a_csv_file_is_named(folder: Path, refused: Any) -> None:
    (folder / "a.csv").write_text(HEADER + LINE * 200_000 + "oops\n" + LINE)
    assert "line 200002: Expected 5 columns, got 1: oops" in refused(source={"format": "csv"})


def test_csv_that_is_no_utf8(folder: Path, refused: Any) -> None:
    (folder / "a.csv").write_bytes((HEADER + LINE.replace("UA", "Ü")).encode("latin-1"))
    assert "flights/a.csv" in (message := refused(source={"format": "csv"}))
    assert "not text in UTF-8" in message


def test_a_truncated_gzip_file(folder: Path, refused: Any) -> None:
    packed = gzip.compress((HEADER + LINE * 1000).encode())
    (folder / "a.csv.gz").write_bytes(packed[:-9])
    assert "flights/a.csv.gz: Truncated compressed stream" in refused(source={"format": "csv"})


OBJECT = '{"at": "2013-01-01T00:00:00Z", "distance": 1, "carrier": "UA", "late": 0}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (OBJECT + OBJECT[:30], "flights/a.jsonl: line 2 is not JSON"),
        (OBJECT + "\n" + "[1, 2]\n", "flights/a.jsonl: line 3 is not a JSON object"),
        (OBJECT + OBJECT.replace("1,", '"far",'), "row 2, column 'distance': 'far' is not a number"),
        (OBJECT + OBJECT.replace("1,", "[1],"), "column 'distance': "),
        (OBJECT.replace("distance", "miles"), "feature 'distance'"),
        (OBJECT + OBJECT.replace('"at": "2013-01-01T00:00:00Z", ', ""), "'at' is missing in 1 row"),
        (OBJECT.replace('"2013-01-01T00:00:00Z"', "1357041600"), "not a time"),
        ("", "has no rows"),
    ],
)
def test_a_broken_json_file(folder: Path, refused: Any, content: str, message: str) -> None:
    (folder / "a.jsonl").write_text(content)
    found = refused(source={"format": "jsonl"})
    assert message in found or ("lacks columns" in found and message == "has no rows")


def test_a_full_disk(folder: Path, make_run: RunMaker) -> None:
    """No file may grow beyond a limit, which the system says in the same way as that the disk is full."""
    land(folder, rows=20_000)
    run = make_run()
    root = folder.parent.parent / "store"
    program = f"""
import pathlib, resource
from datetime import UTC, datetime
from perennial.data.ingest import ingest
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore

spec = ModelSpec.model_validate_json({run.spec.model_dump_json(exclude_unset=True)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
store = LocalStore({str(root)!r})
root, now = pathlib.Path({str(run.deployment.data_root)!r}), datetime(2026, 1, 1, tzinfo=UTC)
deployment = Deployment(store=store, tracking_uri="", data_root=root)
ingest(RetrainingRun(spec=spec, deployment=deployment, run_id="r", now=now))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("perennial.errors.StoreError: ")
    assert kept_besides_file_facts(run.store) == []
    assert not list((root / ".scratch").glob("*"))
