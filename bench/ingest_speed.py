"""Time of an ingest, over a plain pyarrow read-filter-write of the same files.

    .venv/bin/python -m bench.ingest_speed

Prints the ratio of the best times for each format, since other work on the machine can only increase times. Both sides
take turns in one process, on the same files in the page cache, with batches of the same size and zstd; the plain side
otherwise has pyarrow's defaults, without canonical types, duplicates or a digest, and does not flush its files to the
disk.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from bench.ingest_source import run_over, write_source
from perennial.data.ingest import ingest
from perennial.data.snapshots.row_spill import BATCH_ROWS

LIMIT = 2.0
ROWS = {"parquet": 4_000_000, "csv": 2_000_000, "jsonl": 1_000_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    ratios = [_measure(format_, rows, rounds) for format_, rows in ROWS.items()]
    sys.exit(max(ratios) > LIMIT)


def _measure(format_: str, rows: int, rounds: int) -> float:
    with tempfile.TemporaryDirectory(prefix="perennial-ingest-") as name:
        folder = Path(name)
        since = write_source(folder / "source", rows, format_=format_)
        run = run_over(folder, since, format_=format_)
        sides: dict[str, tuple[Callable[[], object], list[float]]] = {
            "ingest": (lambda: ingest(run), []),
            "plain": (lambda: _plain(folder, since, format_), []),
        }
        for _ in range(rounds):
            for act, seconds in sides.values():
                shutil.rmtree(folder / "store", ignore_errors=True)
                began = time.perf_counter()
                act()
                seconds.append(time.perf_counter() - began)
    best = {side: min(seconds) for side, (_, seconds) in sides.items()}
    ratio = best["ingest"] / best["plain"]
    print(
        f"{format_}: {rows / 1e6:g} M rows, ingest {best['ingest']:.2f} s, plain {best['plain']:.2f} s: "
        f"ratio {ratio:.2f} (at most {LIMIT})",
        flush=True,
    )
    return ratio


def _plain(folder: Path, since: datetime, format_: str) -> None:
    earliest = pa.scalar(since, pa.timestamp("us", "UTC"))
    writer: pq.ParquetWriter | None = None
    for path in sorted((folder / "source").iterdir()):
        for batch in _batches(path, format_):
            kept = batch.filter(pc.greater_equal(batch["at"].cast(pa.timestamp("us", "UTC")), earliest))
            writer = writer or pq.ParquetWriter(folder / "plain.parquet", kept.schema, compression="zstd")
            writer.write_batch(kept)
    if writer:
        writer.close()


def _batches(path: Path, format_: str) -> Iterator[pa.RecordBatch]:
    if format_ == "parquet":
        yield from pq.ParquetFile(path).iter_batches(BATCH_ROWS)
    elif format_ == "csv":
        # pyarrow's default blocks hold a tenth of the rows of a batch, and so many small row groups would slow it down.
        yield from pa.csv.open_csv(path, read_options=pa.csv.ReadOptions(block_size=10 * 1024 * 1024))
    else:
        yield from pa.json.open_json(path, read_options=pa.json.ReadOptions(block_size=10 * 1024 * 1024))


if __name__ == "__main__":
    main()
