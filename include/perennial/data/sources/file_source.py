"""Rows from files below a local folder or an S3 prefix."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa

from perennial.data.snapshots.records import SourceObject
from perennial.data.sources import csv_file, json_file, parquet_file
from perennial.data.sources.folder_columns import Values, facts_with, folder_values, rows_with
from perennial.data.sources.future import PartedTimes
from perennial.data.sources.known_files import KnownFiles
from perennial.data.sources.rows import Rows, ScanRequest, Unreadable, event_times, take_rows
from perennial.data.sources.summary import SourceSummary, merge
from perennial.data.values.columns import Kind, check_columns, column_kinds, kind_of
from perennial.data.window import Bounds, NewestTimes
from perennial.errors import DataError, SourceUnavailable
from perennial.printable import PrintableLog, printable_name
from perennial.spec import ModelSpec
from perennial.store.protocol import KeyNotFound, Store, StoredObject

log = PrintableLog(__name__)


@dataclass(frozen=True)
class FileFormat:
    """How files of one format are recognised, scanned and read."""

    suffixes: tuple[str, ...]
    scan: Callable[[Path, ScanRequest], SourceSummary]
    read: Callable[[Path, Mapping[str, Kind], SourceSummary, ScanRequest, Bounds | None], Iterator[Rows]]


_FORMATS = {
    "parquet": FileFormat(parquet_file.SUFFIXES, parquet_file.scan, parquet_file.read),
    "csv": FileFormat(csv_file.SUFFIXES, csv_file.scan, csv_file.read),
    "jsonl": FileFormat(json_file.SUFFIXES, json_file.scan, json_file.read),
}


class FileSource:
    """The files of one format below a folder, including those in subfolders.

    Files and folders whose names begin with '_' or '.' are left out: such names mark unfinished files. The names of
    folders may contain columns that the files lack; see `folder_columns`.

    Parameters
    ----------
    spec : ModelSpec
    store : Store
        The store of the files.
    folder : str
        Key prefix of the files, with a slash at its end, or empty.
    kept_in : Store
        The model's store, in which the summary of each file is kept and looked up.
    label : str
        Prefix of keys in messages and in the manifest.
    """

    def __init__(self, spec: ModelSpec, store: Store, folder: str, *, kept_in: Store, label: str = "") -> None:
        self.name = f"{store.uri}/{folder}"
        self._label = label
        self._spec = spec
        self._store = store
        self._folder = folder
        self._format = _FORMATS[spec.source.format]
        kinds = column_kinds(spec)
        self._request = ScanRequest(
            columns=tuple(kinds),
            event_time=spec.source.event_time,
            time_zone=spec.source.time_zone,
            open_columns=tuple(name for name, kind in kinds.items() if kind in (Kind.OPEN, Kind.LABEL)),
            csv=spec.source.csv,
        )
        self._known = KnownFiles(kept_in, spec.name, self.name, spec.source.format, self._request)
        self._summary: dict[StoredObject, SourceSummary] = {}
        self._in_folders: dict[StoredObject, Values] = {}

    def scan(self) -> SourceSummary:
        """Find out columns and time range; see Source."""
        objects = self._list()
        if not objects:
            raise self._nothing_there()
        known = self._known.load()
        found = {stored: known[stored] for stored in objects if stored in known}
        try:
            for stored in objects:
                if stored not in found:
                    found[stored] = self._look_through(stored)
        finally:
            # Kept even if one file cannot be read: after it is corrected, the others need not be opened again.
            if found.keys() != known.keys():
                self._known.keep(found)
        self._in_folders = {stored: self._folder_values(stored, found[stored]) for stored in objects}
        self._summary = {stored: found[stored] for stored in objects}
        return merge(facts_with(summary, self._in_folders[stored]) for stored, summary in self._summary.items())

    def part(self, latest: datetime) -> PartedTimes:
        """Divide the event times at `latest`; see Source."""
        parted = PartedTimes(latest)
        only_time = {self._request.event_time: Kind.TIME}
        for stored, summary in self._summary.items():
            if summary.end is None:
                continue
            if summary.end <= latest:
                parted.add_newest(summary.end)
                continue
            with self._opened(stored) as path:
                for found in self._format.read(path, only_time, summary, self._request, None):
                    parted.add(event_times(found, self._request), partial(_place, self._name(stored), found))
        return parted

    def nth_newest(self, rows: int, as_of: datetime) -> datetime | None:
        """Return the N-th newest event time up to `as_of`; see Source."""
        bounds = Bounds(None, as_of)
        newest = NewestTimes(rows)
        only_time = {self._request.event_time: Kind.TIME}
        for end, stored in sorted(self._within(bounds), key=lambda pair: pair[0], reverse=True):
            if newest.surpass(end):
                break
            with self._opened(stored) as path:
                for found in self._format.read(path, only_time, self._summary[stored], self._request, bounds):
                    times = event_times(found, self._request)
                    newest.add(times.filter(bounds.mask(times)))
        return newest.oldest()

    def count(self, bounds: Bounds) -> int:
        """Return the number of rows within the bounds; see Source.

        Opens only files that are partly within the bounds.
        """
        rows = 0
        only_time = {self._request.event_time: Kind.TIME}
        for _, stored in self._within(bounds):
            summary = self._summary[stored]
            if summary.start and summary.end and bounds.contain(summary.start, summary.end):
                rows += summary.rows
                continue
            with self._opened(stored) as path:
                for found in self._format.read(path, only_time, summary, self._request, bounds):
                    rows += bounds.mask(event_times(found, self._request)).true_count
        return rows

    def columns(self, bounds: Bounds) -> frozenset[str]:
        """Return the columns that every file within the bounds has; see Source."""
        each = [self._columns_of(stored) for _, stored in self._within(bounds)]
        return frozenset.intersection(*each) if each else frozenset().union(*map(self._columns_of, self._summary))

    def read(self, spec: ModelSpec, bounds: Bounds, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        """Yield the rows within the bounds; see Source."""
        objects = [stored for _, stored in self._within(bounds)]
        found_columns = {stored: self._columns_of(stored) for stored in objects}
        for stored in objects:
            check_columns(spec, found_columns[stored], self._name(stored), may_lack=spec.may_be_gone)
        kinds = column_kinds(spec)
        wanted = {self._request.event_time: Kind.TIME}
        wanted |= {name: kinds.get(name, kind_of(dtype)) for name, dtype in types.items()}
        for position, stored in enumerate(objects, start=1):
            began, rows = time.perf_counter(), 0
            values = {name: value for name, value in self._in_folders[stored].items() if name in wanted}
            # Columns that the spec does not name, and those that may be gone.
            values |= {name: None for name in wanted if name not in found_columns[stored]}
            in_file = {name: kind for name, kind in wanted.items() if name not in values}
            with self._opened(stored) as path:
                for found in self._format.read(path, in_file, self._summary[stored], self._request, bounds):
                    batch = take_rows(rows_with(found, values), types, self._request, bounds)
                    rows += batch.num_rows
                    yield batch
            seconds = time.perf_counter() - began
            log.info("%s (%d of %d): %d rows in %.1f s", self._name(stored), position, len(objects), rows, seconds)

    def read_objects(self, bounds: Bounds) -> tuple[SourceObject, ...]:
        """Return the files that `read` reads; see Source."""
        now = {stored.key: stored.version for stored in self._list()}
        for _, stored in self._within(bounds):
            if now.get(stored.key) != stored.version:
                raise self._changed(stored)
        return tuple(
            SourceObject(name=self._label + stored.key, version=stored.version) for _, stored in self._within(bounds)
        )

    def _columns_of(self, stored: StoredObject) -> frozenset[str]:
        return frozenset((*self._summary[stored].types, *self._in_folders[stored]))

    def _name(self, stored: StoredObject) -> str:
        return printable_name(self._label + stored.key)

    def _folder_values(self, stored: StoredObject, summary: SourceSummary) -> Values:
        """Return the columns that only the folders name. A column in the file itself has priority."""
        values = folder_values(stored.key.removeprefix(self._folder))
        return {name: value for name, value in values.items() if name not in summary.types}

    def _look_through(self, stored: StoredObject) -> SourceSummary:
        with self._opened(stored) as path:
            summary = self._format.scan(path, self._request)
        if self._request.event_time not in summary.types:
            if self._request.event_time in self._folder_values(stored, summary):
                raise DataError(
                    f"{self._name(stored)}: the event time {self._request.event_time!r} is only in a folder's name: "
                    "write it into the files too, since files are chosen by it"
                )
            check_columns(self._spec, summary.types, self._name(stored))
        log.debug("%s: %d rows, %s to %s", self._name(stored), summary.rows, summary.start, summary.end)
        return summary

    def _list(self, suffixes: tuple[str, ...] | None = None) -> list[StoredObject]:
        taken = suffixes or self._format.suffixes
        mine = [stored for stored in self._store.list(self._folder) if self._is_one(stored.key, taken)]
        for stored in mine:
            try:
                stored.key.encode()
            except UnicodeEncodeError as error:
                raise DataError(f"{self._name(stored)}: the file's name is not in UTF-8: rename it") from error
        return mine

    def _is_one(self, key: str, suffixes: tuple[str, ...]) -> bool:
        hidden = any(part.startswith(("_", ".")) for part in key.removeprefix(self._folder).split("/"))
        return key.endswith(suffixes) and not hidden

    def _nothing_there(self) -> DataError:
        wanted = " or ".join(self._format.suffixes)
        for name, other in _FORMATS.items():
            if count := len(self._list(other.suffixes)):
                return DataError(
                    f"{self.name} has no {wanted} files, but {count} {other.suffixes[0]}: set source.format to {name}"
                )
        return DataError(
            f"{self.name} has no {wanted} files (names that begin with '_' or '.' do not count): check source.uri and "
            "source.format, and that something was delivered"
        )

    def _within(self, bounds: Bounds) -> Iterator[tuple[datetime, StoredObject]]:
        for stored, summary in self._summary.items():
            if summary.start and summary.end and bounds.overlap(summary.start, summary.end):
                yield summary.end, stored

    @contextmanager
    def _opened(self, stored: StoredObject) -> Iterator[Path]:
        try:
            with self._store.local_file(stored.key) as path:
                yield path
        except KeyNotFound as error:
            raise self._changed(stored) from error
        except Unreadable as error:
            # A file that is written meanwhile looks broken, but may be complete the next time.
            if stored not in self._list():
                raise self._changed(stored) from error
            raise DataError(f"{self._name(stored)}: {error}") from error

    def _changed(self, stored: StoredObject) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._name(stored)} was replaced or removed while it was read: try again, and write source files "
            "under a name that begins with '_' or '.' until they are complete"
        )


def _place(name: str, rows: Rows, index: int) -> str:
    return f"{name}, row {rows.number(index)}"
