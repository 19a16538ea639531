"""Which files are opened to find out what a source has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pyarrow.csv
import pytest

from perennial.data.file_source import FileSource, SeenFiles
from perennial.data.window import Bounds
from perennial.errors import DataError
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from tests.unit.data.conftest import SpecMaker
from tests.unit.data.flights import START, land, table

HOUR = timedelta(hours=1)


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


def scanned(spec: ModelSpec, store: WatchedStore, seen: SeenFiles | None = None) -> FileSource:
    source = FileSource(spec, store, "", seen=seen)
    source.scan()
    return source


def test_a_file_that_was_seen_is_opened_again_only_when_it_is_replaced(
    folder: Path, store: WatchedStore, make_spec: SpecMaker
) -> None:
    spec, seen = make_spec(), SeenFiles()
    land(folder, "a.parquet")
    land(folder, "b.parquet", first=10)
    before = FileSource(spec, store, "", seen=seen).scan()
    assert store.opened_since() == ["a.parquet", "b.parquet"]

    assert FileSource(spec, store, "", seen=seen).scan() == before
    assert store.opened_since() == []

    land(folder, "b.parquet", first=10, rows=15)
    land(folder, "c.parquet", first=25, rows=5)
    after = FileSource(spec, store, "", seen=seen).scan()
    assert store.opened_since() == ["b.parquet", "c.parquet"]
    assert (after.rows, after.end) == (30, START + 29 * HOUR)


def test_a_file_that_is_gone_is_forgotten(folder: Path, store: WatchedStore, make_spec: SpecMaker) -> None:
    seen = SeenFiles()
    land(folder, "a.parquet")
    gone = land(folder, "b.parquet", first=10)
    scanned(make_spec(), store, seen)
    gone.unlink()

    assert FileSource(make_spec(), store, "", seen=seen).scan().rows == 10
    assert [stored.key for stored in seen] == ["a.parquet"]


def test_a_broken_file_is_no_file_seen(folder: Path, store: WatchedStore, make_spec: SpecMaker) -> None:
    seen = SeenFiles()
    land(folder, "a.parquet")
    (folder / "b.parquet").write_bytes(b"no Parquet")
    for _ in range(2):
        with pytest.raises(DataError, match=r"b\.parquet"):
            scanned(make_spec(), store, seen)
    assert store.opened_since() == ["a.parquet", "b.parquet", "b.parquet"]


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("first", "last", "opened"),
    [(None, 19, []), (0, 9, []), (10, 19, []), (5, 19, ["a"]), (None, 12, ["b"]), (5, 12, ["a", "b"]), (20, 40, [])],
)
def test_only_files_that_reach_beyond_the_bounds_are_opened_to_count_rows(
    folder: Path,
    store: WatchedStore,
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
    source = scanned(make_spec(source={"format": form}), store)
    store.opened_since()
    bounds = Bounds(None if first is None else START + first * HOUR, START + last * HOUR)

    assert source.count(bounds) == len(range(first or 0, min(last, 19) + 1))
    assert store.opened_since() == [f"{name}.{form}" for name in opened]
