"""Which files are opened to find out what a source has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pyarrow.csv
import pytest

from perennial.data.sources.file_source import FileSource
from perennial.data.sources.summary import SourceSummary
from perennial.data.window import Bounds
from perennial.errors import DataError, StoreError
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from tests.unit.data.conftest import SpecMaker
from tests.unit.data.flights import START, land, table

HOUR = timedelta(hours=1)
KEPT = "flights/source_files.json"


class FullStore(LocalStore):
    """Takes nothing."""

    def write(self, key: str, data: bytes) -> str:
        raise StoreError(f"{key}: no space left")


class SecretStore(LocalStore):
    """Lets nobody read."""

    def read(self, key: str) -> bytes:
        raise StoreError(f"{key}: no permission")


class WatchedStore(LocalStore):
    """Notes which files are opened."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[str] = []

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        self.opened.append(key)
        with super().local_file(key) as path:
            yield path

    def opened_since(self) -> list[str]:
        opened, self.opened = sorted(self.opened), []
        return opened


@pytest.fixture
def store(folder: Path) -> WatchedStore:
    return WatchedStore(folder)


@pytest.fixture
def kept_in(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def scan(spec: ModelSpec, store: WatchedStore, kept_in: LocalStore) -> SourceSummary:
    return FileSource(spec, store, "", kept_in=kept_in).scan()


def test_a_file_that_was_looked_through_is_opened_again_only_when_it_is_replaced(
    folder: Path, store: WatchedStore, kept_in: LocalStore, make_spec: SpecMaker
) -> None:
    land(folder, "a.parquet")
    land(folder, "b.parquet", first=10)
    before = scan(make_spec(), store, kept_in)
    assert store.opened_since() == ["a.parquet", "b.parquet"]

    assert scan(make_spec(), store, kept_in) == before
    assert store.opened_since() == []

    land(folder, "b.parquet", first=10, rows=15)
    land(folder, "c.parquet", first=25, rows=5)
    after = scan(make_spec(), store, kept_in)
    assert store.opened_since() == ["b.parquet", "c.parquet"]
    assert (after.rows, after.end) == (30, START + 29 * HOUR)


def test_a_file_rewritten_in_place_with_its_old_size_and_time_is_opened_again(
    folder: Path, store: WatchedStore, kept_in: LocalStore, make_spec: SpecMaker
) -> None:
    path = folder / "a.csv"
    path.write_text("at,distance,carrier,late\n2013-01-01T00:00:00Z,100,UA,0\n")
    spec = make_spec(source={"format": "csv"})
    assert scan(spec, store, kept_in).end == START
    before = path.stat()
    path.write_text(path.read_text().replace("T00", "T01"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)

    assert scan(spec, store, kept_in).end == START + HOUR


def test_a_file_that_is_gone_is_forgotten(
    folder: Path, store: WatchedStore, kept_in: LocalStore, make_spec: SpecMaker
) -> None:
    land(folder, "a.parquet")
    gone = land(folder, "b.parquet", first=10)
    scan(make_spec(), store, kept_in)
    gone.unlink()

    assert scan(make_spec(), store, kept_in).rows == 10
    assert b"b.parquet" not in kept_in.read(KEPT)


def test_beside_a_broken_file_the_others_are_opened_once(
    folder: Path, store: WatchedStore, kept_in: LocalStore, make_spec: SpecMaker
) -> None:
    land(folder, "a.parquet")
    (folder / "b.parquet").write_bytes(b"no Parquet")
    for _ in range(2):
        with pytest.raises(DataError, match=r"b\.parquet"):
            scan(make_spec(), store, kept_in)
    assert store.opened_since() == ["a.parquet", "b.parquet", "b.parquet"]


def test_a_spec_that_asks_for_other_facts_has_all_files_opened_again(
    folder: Path, store: WatchedStore, kept_in: LocalStore, make_spec: SpecMaker
) -> None:
    land(folder, "a.parquet")
    scan(make_spec(), store, kept_in)
    store.opened_since()

    scan(make_spec(source={"time_zone": "Europe/Berlin"}), store, kept_in)

    assert store.opened_since() == ["a.parquet"]


def test_what_cannot_be_read_of_earlier_scans_is_looked_at_again(
    folder: Path, store: WatchedStore, kept_in: LocalStore, make_spec: SpecMaker, caplog: pytest.LogCaptureFixture
) -> None:
    land(folder, "a.parquet")
    kept_in.write(KEPT, b"{")

    assert scan(make_spec(), store, kept_in) == scan(make_spec(), store, kept_in)

    assert store.opened_since() == ["a.parquet"]
    assert f"{KEPT} is damaged" in caplog.text


def test_a_store_that_shows_nothing_is_a_warning(
    folder: Path, store: WatchedStore, tmp_path: Path, make_spec: SpecMaker, caplog: pytest.LogCaptureFixture
) -> None:
    land(folder, "a.parquet")

    assert scan(make_spec(), store, SecretStore(tmp_path / "store")).rows == 10

    assert "no permission" in caplog.text


def test_a_store_that_takes_no_more_is_a_warning(
    folder: Path, store: WatchedStore, make_spec: SpecMaker, caplog: pytest.LogCaptureFixture
) -> None:
    land(folder, "a.parquet")

    assert scan(make_spec(), store, FullStore(folder / "_store")).rows == 10

    assert "what was found in the source's files was not kept" in caplog.text


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("first", "last", "opened"),
    [(None, 19, []), (0, 9, []), (10, 19, []), (5, 19, ["a"]), (None, 12, ["b"]), (5, 12, ["a", "b"]), (20, 40, [])],
)
def test_only_files_that_reach_beyond_the_bounds_are_opened_to_count_rows(
    folder: Path,
    store: WatchedStore,
    kept_in: LocalStore,
    make_spec: SpecMaker,
    form: str,
    first: int | None,
    last: int,
    opened: list[str],
) -> None:
    for number, name in enumerate("ab"):
        if form == "csv":
            pyarrow.csv.write_csv(table(10, first=10 * number), folder / f"{name}.csv")
        else:
            land(folder, f"{name}.parquet", first=10 * number)
    source = FileSource(make_spec(source={"format": form}), store, "", kept_in=kept_in)
    source.scan()
    store.opened_since()
    bounds = Bounds(None if first is None else START + first * HOUR, START + last * HOUR)

    assert source.count(bounds) == len(range(first or 0, min(last, 19) + 1))
    assert store.opened_since() == [f"{name}.{form}" for name in opened]
