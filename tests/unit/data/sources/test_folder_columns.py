from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import pytest

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.sources.folder_columns import folder_values
from perennial.errors import DataError
from tests.unit.data.conftest import RunMaker, SpecMaker
from tests.unit.data.flights import land


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("a.parquet", {}),
        ("country=de/month=01/a.parquet", {"country": "de", "month": "01"}),
        ("x/country=New%20York%2F%C3%A4/y/a=b.parquet", {"country": "New York/ä"}),
        ("country=__HIVE_DEFAULT_PARTITION__/a.parquet", {"country": None}),
        ("a=b=c/=d/e=/f.parquet", {"a": "b=c", "e": ""}),
    ],
)
def test_columns_stand_in_the_names_of_folders(key: str, values: dict[str, str | None]) -> None:
    assert folder_values(key) == values


def lines(first: int) -> list[dict[str, Any]]:
    return [{"at": f"2013-01-{day:02}T00:00:00Z", "note": day} for day in range(first, first + 3)]


def write(folder: Path, form: str, first: int) -> None:
    folder.mkdir(parents=True)
    if form == "parquet":
        pa.parquet.write_table(pa.Table.from_pylist(lines(first)), folder / "a.parquet")
    elif form == "csv":
        rows = "".join(f"{row['at']},{row['note']}\n" for row in lines(first))
        (folder / "a.csv.gz").write_bytes(gzip.compress(f"at,note\n{rows}".encode()))
    else:
        (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines(first)))


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_they_are_read_as_the_spec_reads_them(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, form: str
) -> None:
    write(folder / "late=0" / "carrier=007" / "distance=7.5", form, 1)
    write(folder / "late=1" / "carrier=a%2Fb%20c" / "distance=__HIVE_DEFAULT_PARTITION__", form, 11)
    write(folder / "late=0" / "carrier=__HIVE_DEFAULT_PARTITION__" / "distance=1e3", form, 21)
    run = make_run(make_spec(source={"format": form}))
    for _ in range(2):  # the second time from what is known of the files
        snapshot = ingest(run)
        frame = read_snapshot(run.store, snapshot).sort_values("at").iloc[[0, 3, 6]]
        assert frame.carrier.astype(object).where(frame.carrier.notna(), None).tolist() == ["007", "a/b c", None]
        assert frame.distance.fillna(-1).tolist() == [7.5, -1, 1000.0]
        assert frame.late.tolist() == [0, 1, 0]
        assert snapshot.rows == 9


def test_a_column_that_the_file_has_is_the_files_to_say(folder: Path, make_run: RunMaker, make_spec: SpecMaker) -> None:
    land(folder / "carrier=XX")
    run = make_run(make_spec())
    assert set(read_snapshot(run.store, ingest(run)).carrier) == {"UA", "AA", "DL"}


def test_partitioned_and_plain_files_of_the_same_rows_have_one_digest(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker, tmp_path: Path
) -> None:
    plain = ingest(make_run(make_spec(source={"uri": "plain"}), data_root=land(tmp_path / "x" / "plain").parents[1]))
    table = pa.parquet.read_table(tmp_path / "x" / "plain" / "a.parquet")
    for carrier in ("UA", "AA", "DL"):
        part = table.filter(pa.compute.equal(table["carrier"], carrier)).drop_columns("carrier")
        (folder / f"carrier={carrier}").mkdir()
        pa.parquet.write_table(part, folder / f"carrier={carrier}" / "a.parquet")
    assert ingest(make_run(make_spec())).digest == plain.digest


def test_a_value_that_is_not_what_its_column_is_read_as_is_named(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    write(folder / "carrier=UA" / "late=0" / "distance=far", "parquet", 1)
    with pytest.raises(DataError, match=r"^flights/.*column 'distance': 'far' is not a number"):
        ingest(make_run(make_spec()))


def test_an_event_time_that_is_in_a_folders_name_only_is_told(
    folder: Path, make_run: RunMaker, make_spec: SpecMaker
) -> None:
    land(folder, "at=2013-01-01/a.parquet")
    table = pa.parquet.read_table(folder / "at=2013-01-01" / "a.parquet").drop_columns("at")
    pa.parquet.write_table(table, folder / "at=2013-01-01" / "a.parquet")
    with pytest.raises(DataError, match="the event time 'at' is only in a folder's name: write it into the files"):
        ingest(make_run(make_spec()))
