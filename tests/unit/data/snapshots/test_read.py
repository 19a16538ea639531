from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from perennial.data.ingest import ingest
from perennial.data.snapshots import parts
from perennial.data.snapshots.manifest import load_manifest
from perennial.data.snapshots.read import read_snapshot, read_unordered
from perennial.errors import DataError
from perennial.store import Damaged, LocalStore
from tests.unit.data.conftest import RunMaker
from tests.unit.data.flights import START, land, table


def test_rows_are_ordered_by_time_and_ties_the_same_whatever_the_files(
    folder: Path, make_run: RunMaker, tmp_path: Path
) -> None:
    at = pa.array([START] * 12, pa.timestamp("us", "UTC"))
    land(folder, "a.parquet", 12, at=at)
    land(folder, "b.parquet", 12, first=12)
    one = make_run()
    frame = read_snapshot(one.store, ingest(one))
    for path in list(folder.iterdir()):
        path.unlink()
    rows = pa.concat_tables([table(12, first=12), table(12, at=at)])
    for index in range(4):
        land(folder, f"{index}.parquet", 6, **{name: rows[name].slice(18 - 6 * index, 6) for name in rows.schema.names})
    other = make_run(store=type(one.store)(tmp_path / "other"))
    again = read_snapshot(other.store, ingest(other))
    assert frame["at"].is_monotonic_increasing
    pd.testing.assert_frame_equal(frame, again)


def test_types_suit_scikit_learn(folder: Path, make_run: RunMaker) -> None:
    land(folder, rows=3, carrier=pa.array(["UA", None, "AA"]), late=pa.array([1, None, 0]))
    run = make_run()
    frame = read_snapshot(run.store, ingest(run))
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "at": "datetime64[us, UTC]",
        "late": "float64",
        "distance": "float64",
        "carrier": "str",
    }
    assert OneHotEncoder(sparse_output=False).fit_transform(frame[["carrier"]]).sum() == 3
    encoder = OrdinalEncoder(encoded_missing_value=-1)
    assert encoder.fit_transform(frame[["carrier"]]).ravel().tolist() == [1, -1, 0]


def test_many_parts_are_read_as_one(folder: Path, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 4)
    monkeypatch.setattr("perennial.data.snapshots.row_spill.BATCH_ROWS", 3)
    land(folder, "a.parquet", 10)
    land(folder, "b.parquet", 10, first=5)
    run = make_run()
    snapshot = ingest(run)
    manifest = load_manifest(run.store, "flights", snapshot.digest)
    assert len(manifest.parts) > 1
    assert sum(part.rows for part in manifest.parts) == snapshot.rows == 15
    assert read_snapshot(run.store, snapshot)["distance"].tolist() == [100.0 * n for n in range(15)]


def test_only_the_wanted_columns_are_returned(folder: Path, make_run: RunMaker) -> None:
    land(folder)
    run = make_run()
    snapshot = ingest(run)
    assert list(read_snapshot(run.store, snapshot, columns=["carrier", "late"]).columns) == ["late", "carrier"]
    with pytest.raises(DataError, match="has no column nothing"):
        read_snapshot(run.store, snapshot, columns=["nothing"])


def test_a_snapshot_that_is_gone_or_damaged_is_said(folder: Path, make_run: RunMaker) -> None:
    land(folder)
    run = make_run()
    snapshot = ingest(run)
    (part,) = load_manifest(run.store, "flights", snapshot.digest).parts
    run.store.write(snapshot.prefix + part.name, b"PAR1")
    with pytest.raises(Damaged, match="is damaged"):
        read_snapshot(run.store, snapshot)
    run.store.delete(snapshot.prefix + part.name)
    with pytest.raises(Damaged, match="is gone"):
        read_snapshot(run.store, snapshot)
    run.store.delete(snapshot.prefix + "manifest.json")
    with pytest.raises(DataError, match="has no snapshot"):
        read_snapshot(run.store, snapshot)


def test_rows_without_an_order_are_the_same_and_as_well_guarded(
    folder: Path, make_run: RunMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 4)
    land(folder, rows=12)
    # A folder that looks like one of Hive's gives no column of its own.
    run = make_run(store=LocalStore(tmp_path / "country=de"))
    snapshot = ingest(run)
    columns = ["late", "at", "distance"]
    ordered = read_snapshot(run.store, snapshot, columns=columns)
    frame = read_unordered(run.store, snapshot, columns=columns)
    pd.testing.assert_frame_equal(frame.sort_values("at", ignore_index=True), ordered)
    with pytest.raises(DataError, match="has no column nothing"):
        read_unordered(run.store, snapshot, columns=["nothing"])
    key = snapshot.prefix + load_manifest(run.store, snapshot.model, snapshot.digest).parts[-1].name
    run.store.write(key, run.store.read(key)[:-1])
    with pytest.raises(Damaged, match="is damaged"):
        read_unordered(run.store, snapshot, columns=columns)
