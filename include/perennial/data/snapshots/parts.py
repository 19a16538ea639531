"""A snapshot's Parquet files: written to a scratch folder, then stored, and valid once the manifest lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perennial.data.snapshots.manifest import Manifest, SnapshotFile, find_manifest, repair_advice
from perennial.data.values.columns import TEXT
from perennial.layout import MANIFEST
from perennial.printable import PrintableLog
from perennial.store.content import content_file, content_name
from perennial.store.damage import Damaged
from perennial.store.disk import disk_errors
from perennial.store.protocol import Conflict, Store
from perennial.store.sealed import seal

log = PrintableLog(__name__)

PART_ROWS = 1_048_576
_SAMPLE_ROWS = 10_000
_REPEATS = 10


@dataclass(frozen=True)
class WrittenFile:
    """A Parquet file that is not in the store yet."""

    path: Path
    part: SnapshotFile


def write_parts(batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path) -> list[WrittenFile]:
    """Write batches to Parquet files of about a million rows, each batch a row group.

    The names contain a digest of the file's content, so two simultaneous runs that read the same rows in another order
    do not overwrite each other's files.
    """
    written: list[WrittenFile] = []
    writer: pq.ParquetWriter | None = None
    rows = 0
    path = folder / "part.parquet"
    with disk_errors(folder):
        for batch in batches:
            if not batch.num_rows:
                continue
            writer = writer or _writer(path, schema, batch)
            writer.write_batch(batch)
            rows += batch.num_rows
            if rows >= PART_ROWS:
                writer.close()
                written.append(_named(path, len(written), rows))
                writer, rows = None, 0
        if writer:
            writer.close()
            written.append(_named(path, len(written), rows))
    return written


def find_whole(store: Store, model: str, digest: str) -> tuple[Manifest | None, str | None]:
    """Return the manifest of an undamaged snapshot, and the version of the stored manifest for `keep`.

    Every part is read. The manifest is None if the snapshot is damaged or does not exist; the version is that of the
    stored manifest even if it is damaged, and None without one.
    """
    version = None
    try:
        found = find_manifest(store, model, digest)
        if found is None:
            return None, None
        manifest, version = found
        for part in manifest.parts:
            with content_file(store, manifest.prefix + part.name, repair_advice(model)):
                pass
    except Damaged as damage:
        log.warning("the snapshot is written again: %s", damage)
        return None, version or damage.version
    return found


def keep(store: Store, written: list[WrittenFile], manifest: Manifest, over: str | None) -> bool:
    """Put parts and manifest in the store; return False if another run was first with the same snapshot.

    The run that creates the manifest has made the snapshot; files that the manifest does not list are removed.

    Parameters
    ----------
    store : Store
    written : list of WrittenFile
    manifest : Manifest
    over : str or None
        Version of the stored manifest of a damaged snapshot, which is replaced; None: there is none.
    """
    key, data = manifest.prefix + MANIFEST.name, seal(manifest)
    try:
        for one in written:
            store.put_file(manifest.prefix + one.part.name, one.path)
        store.create(key, data) if over is None else store.replace(key, data, over)
    except Conflict:
        return False
    return True


def remove_strays(store: Store, prefix: str, listed: Iterable[SnapshotFile]) -> None:
    """Remove files from a snapshot's folder that a run left which was killed, failed or came second."""
    known = {MANIFEST.name, *(part.name for part in listed)}
    for stored in store.list(prefix):
        if stored.key.removeprefix(prefix) not in known:
            store.delete(stored.key)


def _writer(path: Path, schema: pa.Schema, first: pa.RecordBatch) -> pq.ParquetWriter:
    # A dictionary is worth its cost for repeated texts. For numbers, or for texts that all differ, it takes most of the
    # time, and the files are not smaller than zstd makes them without it.
    sample = first.slice(0, _SAMPLE_ROWS)
    repeated = [
        field.name
        for field in schema
        if field.type == TEXT and pc.count_distinct(sample.column(field.name)).as_py() * _REPEATS <= sample.num_rows
    ]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeated or False)


def _named(path: Path, number: int, rows: int) -> WrittenFile:
    name = content_name(path, f"part-{number:05}")
    final = path.rename(path.with_name(name))
    return WrittenFile(final, SnapshotFile(name=name, rows=rows, size_bytes=final.stat().st_size))
