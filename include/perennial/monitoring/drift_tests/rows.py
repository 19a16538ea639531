"""The rows of a check: read from the source between two event times, and stored in files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from perennial.data.snapshots.row_hash import hash_rows
from perennial.data.sources.open_source import open_source
from perennial.data.sources.scan import scan_source
from perennial.data.sources.source import Source
from perennial.data.values.columns import NUMBER, TEXT, TIME, WHOLE, check_columns, column_kinds, column_types
from perennial.data.window import Bounds
from perennial.run import Run
from perennial.spec import ModelSpec
from perennial.spec.feature_names import FeatureKind
from perennial.store.content import content_file, content_name
from perennial.store.disk import disk_errors
from perennial.store.protocol import Store

if TYPE_CHECKING:
    import pandas as pd

_TYPES = {str(dtype): dtype for dtype in (TIME, NUMBER, WHOLE, TEXT)}
Identities = npt.NDArray[np.uint64]
_IDENTITIES_ADVICE = "Once, rows that came late since the last check are not recognised, and not checked"


@dataclass(frozen=True)
class SourceRows:
    """n different rows, sorted by event time.

    Attributes
    ----------
    table : pyarrow.Table
        Rows in a snapshot's types.
    times : array of datetime64[us], shape (n,)
        Event times, UTC.
    identities : array of uint64, shape (n,)
        Hash of the key, or without a key of all columns except the label. So it does not change when the label arrives.
    """

    table: pa.Table
    times: npt.NDArray[np.datetime64]
    identities: Identities

    def take(self, mask: npt.NDArray[np.bool_]) -> SourceRows:
        """Return the rows where the mask is true."""
        if mask.all():
            return self
        return SourceRows(self.table.filter(pa.array(mask)), self.times[mask], self.identities[mask])


@dataclass(frozen=True)
class KnownRows:
    """Times and identities of n rows, in any order and possibly repeated.

    Attributes
    ----------
    times, identities : arrays of shape (n,)
        See SourceRows.
    """

    times: npt.NDArray[np.datetime64]
    identities: Identities


_KINDS: Mapping[pa.DataType, FeatureKind] = {NUMBER: "numeric", TEXT: "categorical", TIME: "datetime"}


def with_inputs(spec: ModelSpec, champions_inputs: Mapping[str, str]) -> ModelSpec:
    """Return the spec with a champion's inputs in place of features that it names by patterns.

    A column that is new in the source thus changes neither the identities of rows nor what a check reads, until a
    retraining takes it.

    Parameters
    ----------
    spec : ModelSpec
    champions_inputs : mapping of column to type
    """
    if not spec.features.patterns:
        return spec
    kinds: dict[FeatureKind, tuple[str, ...]] = dict.fromkeys(spec.features.kinds, ())
    for name, dtype in champions_inputs.items():
        kinds[_KINDS[_TYPES[dtype]]] += (name,)
    return spec.with_features(kinds)


def identity_columns(spec: ModelSpec) -> tuple[str, ...]:
    """Return the columns of the identities: those of two specs can be compared only if these are the same."""
    return spec.source.key or tuple(name for name in spec.columns if name != spec.target.column)


class ScannedSource:
    """The run's source, scanned once, without rows in the future."""

    def __init__(self, run: Run) -> None:
        self._source: Source = open_source(run)
        self.summary, self.future = scan_source(run, self._source)
        check_columns(run.spec, self.summary.types, self._source.name, may_lack=run.spec.may_be_gone)

    def read(self, spec: ModelSpec, bounds: Bounds, champions_inputs: Mapping[str, str]) -> SourceRows:
        """Return the rows within the bounds; of rows with the same identity the newest.

        Parameters
        ----------
        spec : ModelSpec
            See `with_inputs`.
        bounds : Bounds
        champions_inputs : mapping of column to type
            The champion's inputs: those that the spec no longer names are read too, if the source has them.
        """
        named = self._types(spec)
        more = {
            name: _TYPES[dtype]
            for name, dtype in champions_inputs.items()
            if name not in named and name in self.summary.types
        }
        types = {**named, **more}
        batches = list(self._source.read(spec, bounds, types))
        known = _known(batches, spec)
        order = np.lexsort((known.identities, known.times))
        newest_first = known.identities[order][::-1]
        _, last = np.unique(newest_first, return_index=True)
        rows = order[np.sort(len(order) - 1 - last)]
        table = pa.Table.from_batches(batches, schema=pa.schema(types))
        # Usually rows are sorted and not repeated: then they need not be copied.
        if not np.array_equal(rows, np.arange(len(order))):
            table = table.take(pa.array(rows))
        return SourceRows(table, known.times[rows], known.identities[rows])

    def known(self, spec: ModelSpec, bounds: Bounds) -> KnownRows:
        """Return times and identities of the rows within the bounds; if rows have a key, only its columns are read."""
        source, types = spec.source, self._types(spec)
        if bounds.start is not None and bounds.start > bounds.end:
            return _known([], spec)
        if source.key:
            of_key = {name: types[name] for name in (source.event_time, *source.key)}
            batches = list(self._source.read(spec, bounds, of_key))
            if not any(batch.column(name).null_count for batch in batches for name in source.key):
                return _known(batches, spec)
        # The identity of rows without a key is made from all columns.
        return _known(list(self._source.read(spec, bounds, types)), spec)

    def count(self, bounds: Bounds) -> int:
        """Return the number of rows within the bounds, duplicates included."""
        return self._source.count(bounds)

    def _types(self, spec: ModelSpec) -> dict[str, pa.DataType]:
        return column_types(column_kinds(spec), self.summary.value_types)


def _known(batches: Sequence[pa.RecordBatch], spec: ModelSpec) -> KnownRows:
    times = [batch.column(spec.source.event_time).to_numpy().astype("datetime64[us]") for batch in batches]
    return KnownRows(
        np.concatenate([*times, np.empty(0, dtype="datetime64[us]")]),
        np.concatenate([*(_identities(batch, spec) for batch in batches), np.empty(0, dtype=np.uint64)]),
    )


def _identities(batch: pa.RecordBatch, spec: ModelSpec) -> Identities:
    keyed = spec.source.key and not any(batch.column(name).null_count for name in spec.source.key)
    # If every row has a key, only keys are hashed, which gives the same identities.
    columns = spec.source.key if keyed else [name for name in spec.columns if name != spec.target.column]
    identities: Identities = hash_rows(batch.select(list(columns)), spec.source.key).keys[0]
    return identities


def keep_rows(store: Store, folder: str, name: str, rows: SourceRows) -> str | None:
    """Store rows under a key that names their content; return the key, or None if there are no rows."""
    if not len(rows.times):
        return None
    # A dictionary of numbers that all differ takes three times as long to write, and makes the file larger.
    texts = [field.name for field in rows.table.schema if pa.types.is_string(field.type)]
    with store.scratch() as scratch:
        path = scratch / "rows.parquet"
        with disk_errors(path):
            # Written and read in half the time of zstd. Statistics are not needed, since no row groups are skipped.
            pq.write_table(rows.table, path, compression="lz4", use_dictionary=texts, write_statistics=False)
        key = folder + content_name(path, name)
        # Overwrites an existing file, which may be damaged.
        store.put_file(key, path)
    return key


def _advice(key: str) -> str:
    return (
        "While the check is undecided, its rows are read from the source again: run `perennial monitor "
        f"{key.partition('/')[0]} --once`, or clear the run in Airflow from 'open_check' on. Of a decided check only "
        "the drawings in its report need them"
    )


def read_rows(store: Store, key: str, *, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Return stored rows, sorted by event time.

    Parameters
    ----------
    store : Store
    key : str
        Key that `keep_rows` returned.
    columns : collection of str or None
        Columns to read; those that the rows lack are left out. None: all.

    Raises
    ------
    Damaged
        The file is gone from the store, or is not what was stored.
    """
    with content_file(store, key, _advice(key)) as path, disk_errors(path):
        table = pq.ParquetFile(path).read(columns=list(columns) if columns is not None else None)
    return as_frame(table)


def check_rows(store: Store, key: str) -> None:
    """Raise Damaged if stored rows are gone, or are not what was stored."""
    with content_file(store, key, _advice(key)):
        pass


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return rows as a data frame; numbers without missing values are not copied."""
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame


def keep_identities(store: Store, folder: str, identities: Identities) -> str:
    """Store a set of identities under a key that names its content; return the key."""
    # Sorting is many times faster than np.unique.
    ordered = np.sort(identities)
    again = np.zeros(len(ordered), dtype=bool)
    again[1:] = ordered[1:] == ordered[:-1]
    with store.scratch() as scratch:
        path = scratch / "identities.u64"
        with disk_errors(path):
            path.write_bytes(ordered[~again].tobytes())
        key = folder + content_name(path, "seen")
        store.put_file(key, path)
    return key


def read_identities(store: Store, key: str) -> Identities:
    """Return stored identities, ascending.

    Raises
    ------
    Damaged
        The file is gone from the store, or is not what was stored.
    """
    with content_file(store, key, _IDENTITIES_ADVICE) as path, disk_errors(path):
        return np.fromfile(path, dtype=np.uint64)


def among(identities: Identities, known: Identities) -> npt.NDArray[np.bool_]:
    """Return, for each identity, whether it is among the known ones."""
    return np.isin(identities, known)


def as_datetime64(moment: datetime) -> np.datetime64:
    """Return a timestamp in the type of the event times of SourceRows."""
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
