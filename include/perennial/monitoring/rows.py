"""Rows of the source between two event times, for a check; and the files in which a check keeps them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from perennial.data.columns import check_columns, column_kinds, column_types
from perennial.data.facts import Facts
from perennial.data.open_source import open_source
from perennial.data.row_hash import hash_rows
from perennial.data.source import Source
from perennial.data.window import Bounds
from perennial.errors import DataError
from perennial.run import Run
from perennial.spec import ModelSpec
from perennial.store.protocol import KeyNotFound, Store

Identities = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class SourceRows:
    """n rows in the order of their event times, each once.

    Attributes
    ----------
    table : pyarrow.Table
        In a snapshot's types.
    times : array of datetime64[us], shape (n,)
        Event times, UTC.
    identities : array of uint64, shape (n,)
        The same for a row whose label arrives later: of the key where the spec has one, else of all but the label.
    """

    table: pa.Table
    times: npt.NDArray[np.datetime64]
    identities: Identities

    def take(self, mask: npt.NDArray[np.bool_]) -> SourceRows:
        """Return the rows where the mask is true."""
        return SourceRows(self.table.filter(pa.array(mask)), self.times[mask], self.identities[mask])


def identity_columns(spec: ModelSpec) -> tuple[str, ...]:
    """Return what rows are known by: identities of another spec compare only if this is the same."""
    return spec.source.key or tuple(name for name in spec.columns if name != spec.target.column)


class ScannedSource:
    """The run's source, looked through once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._source: Source = open_source(run)
        self.facts: Facts = self._source.scan()
        check_columns(run.spec, self.facts.types, self._source.name)

    def read(self, bounds: Bounds) -> SourceRows:
        """Return the rows within the bounds; of rows with one identity the newest."""
        spec = self._run.spec
        types = column_types(column_kinds(spec), self.facts.naturals)
        batches = list(self._source.read(bounds, types))
        table = pa.Table.from_batches(batches, schema=pa.schema(types))
        hashes = [_identities(batch, spec) for batch in batches]
        identities = np.concatenate([*hashes, np.empty(0, dtype=np.uint64)])
        times = table.column(spec.source.event_time).to_numpy().astype("datetime64[us]")
        order = np.lexsort((identities, times))
        identities = identities[order]
        newest_first = identities[::-1]
        _, last = np.unique(newest_first, return_index=True)
        kept = np.sort(len(identities) - 1 - last)
        rows = order[kept]
        return SourceRows(table.take(pa.array(rows)), times[rows], identities[kept])

    def count(self, bounds: Bounds) -> int:
        """Return the number of rows within the bounds, duplicates included."""
        only_time = {self._run.spec.source.event_time: pa.timestamp("us", tz="UTC")}
        return sum(batch.num_rows for batch in self._source.read(bounds, only_time))


def _identities(batch: pa.RecordBatch, spec: ModelSpec) -> Identities:
    keyed = spec.source.key and not any(batch.column(name).null_count for name in spec.source.key)
    # Where every row has its key, nothing else need be hashed: the identities are the same.
    columns = spec.source.key if keyed else [name for name in batch.schema.names if name != spec.target.column]
    identities: Identities = hash_rows(batch.select(list(columns)), spec.source.key).keys[0]
    return identities


def keep_rows(store: Store, folder: str, name: str, rows: SourceRows) -> str | None:
    """Keep rows under a key made of their content; return the key, or None if there are no rows."""
    if not len(rows.times):
        return None
    buffer = io.BytesIO()
    # A dictionary of numbers that are all different costs three times the writing, and makes the file larger.
    texts = [field.name for field in rows.table.schema if pa.types.is_string(field.type)]
    pq.write_table(rows.table, buffer, compression="zstd", use_dictionary=texts)
    return _keep(store, folder, name, buffer.getvalue(), "parquet")


def read_rows(store: Store, key: str, *, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Return kept rows in the order of their event times.

    Parameters
    ----------
    store : Store
    key : str
        What `keep_rows` returned.
    columns : collection of str or None
        Those to read, one that the rows lack is left out; None: all.

    Raises
    ------
    DataError
        They are gone from the store.
    """
    try:
        with store.local_file(key) as path:
            table = pq.ParquetFile(path).read(columns=list(columns) if columns is not None else None)
    except KeyNotFound:
        check = f"{key.rpartition('/')[0]}/check.json"
        raise DataError(
            f"the rows of this check are gone from the store: {key}. Restore them, or delete {check}: "
            "the check is then begun anew"
        ) from None
    return as_frame(table)


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return rows as a data frame; numbers without gaps are not copied."""
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame


def keep_identities(store: Store, folder: str, identities: Identities) -> str:
    """Keep a set of identities under a key made of its content; return the key."""
    return _keep(store, folder, "seen", np.unique(identities).tobytes(), "u64")


def read_identities(store: Store, key: str) -> Identities:
    """Return kept identities, ascending."""
    return np.frombuffer(store.read(key), dtype=np.uint64)


def among(identities: Identities, known: Identities) -> npt.NDArray[np.bool_]:
    """Tell of each identity whether it is among the known ones."""
    return np.isin(identities, known)


def as_datetime64(moment: datetime) -> np.datetime64:
    """Return a moment as the event times of SourceRows have it."""
    return np.datetime64(pd.Timestamp(moment).tz_convert("UTC").tz_localize(None), "us")


def _keep(store: Store, folder: str, name: str, content: bytes, suffix: str) -> str:
    key = f"{folder}{name}-{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
    if not store.exists(key):
        store.write(key, content)
    return key
