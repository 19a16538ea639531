"""Read a snapshot's rows."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from perennial.data.snapshots.manifest import Manifest, load_manifest, repair_advice
from perennial.data.snapshots.records import Snapshot
from perennial.data.snapshots.row_hash import hash_rows
from perennial.data.values.columns import TIME
from perennial.errors import DataError
from perennial.store.content import content_file
from perennial.store.disk import disk_errors
from perennial.store.protocol import Store

__all__ = ["load_manifest", "read_snapshot", "read_unordered"]


def read_snapshot(store: Store, snapshot: Snapshot, *, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Return a snapshot's rows in the order of their event times.

    Rows with the same event time are sorted by their hash, so the same rows always come in the same order.

    Parameters
    ----------
    store : Store
    snapshot : Snapshot
    columns : collection of str or None
        Columns to return, in the snapshot's order; None: all.

    Returns
    -------
    pandas.DataFrame, shape (snapshot.rows, number of columns)
        Times as datetime64[us, UTC], numbers as float64, labels that are whole numbers as int64 (float64 where some are
        missing), text as pandas' str. Missing values are NaN or NaT.

    Raises
    ------
    DataError
        The snapshot is not in the store, or lacks a column.
    Damaged
        A file of the snapshot is gone, or is not what was written.
    """
    manifest = load_manifest(store, snapshot.model, snapshot.digest)
    wanted = _wanted(manifest, columns)
    parts = [_read_part(store, manifest, part.name, wanted) for part in manifest.parts]
    order = np.lexsort(np.concatenate([keys for _, keys in parts], axis=1))
    table = pa.concat_tables([table for table, _ in parts])
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    return frame.take(order).reset_index(drop=True)


def read_unordered(store: Store, snapshot: Snapshot, *, columns: Collection[str]) -> pd.DataFrame:
    """Return a snapshot's rows in the order of its files, which is many times faster than `read_snapshot`.

    Use it only for results that do not depend on the order: the same rows may be stored in another order. Columns,
    types and errors are those of `read_snapshot`.
    """
    manifest = load_manifest(store, snapshot.model, snapshot.digest)
    wanted = _wanted(manifest, columns)
    tables = []
    for part in manifest.parts:
        key = manifest.prefix + part.name
        with content_file(store, key, repair_advice(manifest.model)) as path, disk_errors(path):
            tables.append(pq.ParquetFile(path).read(columns=wanted))
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas(split_blocks=True, self_destruct=True)
    return frame


def _wanted(manifest: Manifest, columns: Collection[str] | None) -> list[str]:
    unknown = sorted(set(columns or ()) - set(manifest.schema_))
    if unknown:
        raise DataError(
            f"snapshot {manifest.digest} has no column {', '.join(unknown)}: it has {list(manifest.schema_)}"
        )
    return [name for name in manifest.schema_ if columns is None or name in columns]


def _read_part(store: Store, manifest: Manifest, name: str, wanted: list[str]) -> tuple[pa.Table, np.ndarray]:
    """Return a part's columns, and its sort keys of shape (3, rows), the primary key last."""
    event_time = next(name for name, dtype in manifest.schema_.items() if dtype == str(TIME))
    batches, keys = [], []
    key = manifest.prefix + name
    with (
        content_file(store, key, repair_advice(manifest.model)) as path,
        disk_errors(path),
        pq.ParquetFile(path) as file,
    ):
        for batch in file.iter_batches():
            times = batch.column(event_time).cast(pa.int64()).to_numpy().view(np.uint64) ^ np.uint64(1 << 63)
            keys.append(np.vstack((hash_rows(batch).rows, times)))
            batches.append(batch.select(wanted))
    return pa.Table.from_batches(batches), np.concatenate(keys, axis=1)
