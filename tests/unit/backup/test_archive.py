from __future__ import annotations

import io
import subprocess
import sys

import pytest

from perennial.backup.archive import first_key, pack, unpack
from perennial.errors import StoreError
from perennial.store import LocalStore
from perennial.store.s3 import S3Store

RECORDS = {"m/ledger/00000001.json", "m/monitor/state.json", "m/monitor/checks/00000001/check.json", "m/promotion.json"}
OBJECTS = {
    "m/monitor/checks/00000001/batch-0.parquet",
    "m/runs/r1/verdict.json",
    "m/runs/r1/source_files.json",
    "m/snapshots/abc/manifest.json",
    f"m/snapshots/abc/{'long' * 40}.parquet",
}


@pytest.fixture(params=["folder", "s3"])
def new_store(request, tmp_path):
    if request.param == "folder":
        return lambda name: LocalStore(tmp_path / name)
    server = request.getfixturevalue("s3_server")
    bucket = server.new_bucket()
    return lambda name: S3Store(bucket, name, client=server.client())


def packed(store, part) -> bytes:
    archive = io.BytesIO()
    pack(store, part, archive)
    return archive.getvalue()


def contents(store) -> dict[str, bytes]:
    return {item.key: store.read(item.key) for item in store.list()}


@pytest.mark.integration
def test_both_parts_together_are_the_store_but_leases_its_own_record_of_versions_and_what_is_found_again(new_store):
    store, other = new_store("first"), new_store("second")
    for key in RECORDS | OBJECTS:
        store.write(key, key.encode() * 1000)
    store.write("m/empty", b"")
    forgotten = {".perennial/version.json", "m/source_files.json", "m/runs/r1/lease.json"}
    for key in forgotten:
        store.write(key, b"{}")

    parts = {part: packed(store, part) for part in ("records", "objects")}
    assert unpack(other, io.BytesIO(parts["records"])) == len(RECORDS)
    assert set(contents(other)) == RECORDS
    unpack(other, io.BytesIO(parts["objects"]))

    kept = contents(store)
    assert contents(other) == {key: kept[key] for key in kept.keys() - forgotten}


def test_what_changes_is_copied_before_what_it_refers_to(tmp_path):
    """A check that is closed while the ledger is copied is open in the copy: it is taken up again, and nothing is lost."""

    class ClosesACheck(LocalStore):
        def local_file(self, key):
            if key.startswith("m/ledger/"):
                self.write("m/monitor/state.json", b"closed: 2")
                self.write("m/ledger/00000002.json", b"2")
            return super().local_file(key)

    store, other = ClosesACheck(tmp_path / "a"), LocalStore(tmp_path / "b")
    store.write("m/monitor/state.json", b"closed: 1")
    store.write("m/ledger/00000001.json", b"1")
    unpack(other, io.BytesIO(packed(store, "records")))
    assert other.read("m/monitor/state.json") == b"closed: 1"


def test_an_object_that_goes_while_it_is_copied_is_left_out(tmp_path):
    class Expires(LocalStore):
        def list(self, prefix=""):
            for item in super().list(prefix):
                self.delete("m/b")
                yield item

    store, other = Expires(tmp_path / "a"), LocalStore(tmp_path / "b")
    store.write("m/a", b"1")
    store.write("m/b", b"2")
    assert unpack(other, io.BytesIO(packed(store, "objects"))) == 1


def test_an_archive_that_was_cut_is_an_error(tmp_path):
    store = LocalStore(tmp_path / "a")
    for key in OBJECTS:
        store.write(key, key.encode() * 10000)
    whole = packed(store, "objects")
    with pytest.raises(StoreError, match=r"the archive cannot be read after \d+ object"):
        unpack(LocalStore(tmp_path / "b"), io.BytesIO(whole[: len(whole) // 2]))
    with pytest.raises(StoreError, match="cannot be read"):
        unpack(LocalStore(tmp_path / "c"), io.BytesIO(b"no archive" * 1000))


def test_only_an_empty_store_is_restored_into(tmp_path):
    store = LocalStore(tmp_path)
    store.write(".perennial/version.json", b"{}")
    assert first_key(store) is None
    store.write("m/promotion.json", b"{}")
    assert first_key(store) == "m/promotion.json"
    done = subprocess.run(
        [sys.executable, "-m", "perennial.backup", "empty", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "is not empty (it has m/promotion.json)" in done.stderr
