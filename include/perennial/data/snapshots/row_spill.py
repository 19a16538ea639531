"""The rows of a window on disk, kept until it is known which of them stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from perennial.data.snapshots.duplicates import Resolution
from perennial.store.disk import disk_errors

BATCH_ROWS = 131_072


class RowSpill:
    """Batches in an uncompressed Arrow stream, which is written in a fraction of the time of Parquet.

    Parameters
    ----------
    path : Path
        File to write.
    schema : pyarrow.Schema
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self.schema = schema

    def write(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write the batches, and pass each on."""
        # Reading `batches` may raise errors of the source, which must not be reported as errors of the disk.
        with disk_errors(self._path):
            file = pa.OSFile(str(self._path), "wb")
            writer = pa.ipc.new_stream(file, self.schema)
        with file:
            for batch in batches:
                with disk_errors(self._path):
                    writer.write_batch(batch)
                yield batch
            with disk_errors(self._path):
                writer.close()

    def surviving(self, resolution: Resolution) -> Iterator[pa.RecordBatch]:
        """Yield the rows that stay, in the order in which they were written."""
        first_row = 0
        with pa.OSFile(str(self._path), "rb") as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                dropped = resolution.dropped(first_row, batch.num_rows)
                first_row += batch.num_rows
                yield batch.filter(pa.array(~dropped)) if dropped.any() else batch


def regular(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Merge small batches, so that all but the last have at least half of BATCH_ROWS."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if 2 * rows >= BATCH_ROWS:
            yield pa.concat_batches(waiting)
            waiting, rows = [], 0
    if rows:
        yield pa.concat_batches(waiting)
