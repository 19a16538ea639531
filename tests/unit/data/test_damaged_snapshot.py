"""A damaged snapshot is never read as rows, and an ingest of the same rows writes it again."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest

from perennial.data.ingest import ingest
from perennial.data.snapshots import parts
from perennial.data.snapshots.manifest import load_manifest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.schema_history import LatestSnapshot, mark_latest, previous_schema
from perennial.store import Damaged, LocalStore
from tests.unit.data.conftest import RunMaker
from tests.unit.data.flights import START, land


@pytest.fixture
def run(folder: Path, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parts, "PART_ROWS", 4)
    monkeypatch.setattr("perennial.data.snapshots.row_spill.BATCH_ROWS", 3)
    land(folder, rows=20)
    return make_run()


def test_no_flipped_bit_of_a_snapshot_is_read_as_rows(run):
    snapshot = ingest(run)
    keys = [item.key for item in run.store.list(snapshot.prefix)]
    assert len(keys) > 2
    chance = random.Random(1)
    for key in keys:
        whole = run.store.read(key)
        for _ in range(20):
            changed = bytearray(whole)
            changed[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
            run.store.write(key, bytes(changed))
            with pytest.raises(Damaged, match=r"(is damaged|is gone).*`perennial run flights --as-of"):
                read_snapshot(run.store, snapshot)
        run.store.write(key, whole)


@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
@pytest.mark.parametrize("what", ["manifest.json", ".parquet"])
def test_an_ingest_of_the_same_rows_writes_a_damaged_snapshot_again(run, how, what, caplog):
    snapshot = ingest(run)
    rows = read_snapshot(run.store, snapshot)
    key = next(item.key for item in run.store.list(snapshot.prefix) if item.key.endswith(what))
    whole = run.store.read(key)
    if how == "gone":
        run.store.delete(key)
    else:
        run.store.write(key, whole[: len(whole) // 2] if how == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
    again = ingest(run)
    assert (again.digest, again.reused) == (snapshot.digest, False)
    assert read_snapshot(run.store, again).equals(rows)
    names = {part.name for part in load_manifest(run.store, "flights", again.digest).parts}
    assert {item.key.rpartition("/")[2] for item in run.store.list(again.prefix)} == {*names, "manifest.json"}
    assert ingest(run).reused
    if (how, what) != ("gone", "manifest.json"):  # that is no snapshot
        assert "the snapshot is written again" in caplog.text


def test_a_manifest_that_lies_in_another_snapshots_folder_is_damage(run):
    snapshot = ingest(run)
    run.store.write(f"flights/snapshots/{'0' * 64}/manifest.json", run.store.read(snapshot.prefix + "manifest.json"))
    with pytest.raises(Damaged, match=f"is the manifest of snapshot {snapshot.digest} of flights"):
        load_manifest(run.store, "flights", "0" * 64)


def test_a_damaged_mark_of_the_latest_snapshot_is_said_and_made_again(tmp_path, caplog):
    store = LocalStore(tmp_path)
    store.write("m/latest_snapshot.json", b'{"snapshot": ')
    with caplog.at_level(logging.WARNING):
        assert previous_schema(store, "m", "one", "one") is None
    assert "m/latest_snapshot.json is damaged" in caplog.text
    mark_latest(
        store,
        "m",
        LatestSnapshot(run_id="one", digest="one", as_of=START, source_schema={"a": "int64"}),
        believed_until=START,
    )
    assert previous_schema(store, "m", "two", "two") == {"a": "int64"}
