"""The time for comparing digests, relative to only reading: snapshots, the rows of checks, and references.

    .venv/bin/python -m bench.digests

Prints a line for each kind of file: CPU seconds of this process for comparing its digest and for reading it without
that, the best of N on files in the page cache, and their ratio. A reference is memory-mapped and never read completely:
reading it means mapping it and comparing a batch with it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa

from bench.ingest_source import run_over, write_source
from perennial.data.ingest import ingest
from perennial.data.snapshots import read as snapshots
from perennial.data.snapshots.manifest import load_manifest
from perennial.drift import KolmogorovSmirnov
from perennial.monitoring.drift_tests import rows as kept
from perennial.store import LocalStore
from perennial.store.checksum import checksum
from perennial.store.content import content_file

LIMIT = 0.05
SNAPSHOT_ROWS, BATCH_ROWS, REFERENCE_ROWS, COLUMNS = 2_000_000, 100_000, 1_000_000, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory(prefix="perennial-digests-") as name:
        folder = Path(name)
        ratio = _snapshot(folder, repeats)
        _batch(folder, repeats)
        _reference(folder, repeats)
    sys.exit(ratio > LIMIT)


def _snapshot(folder: Path, repeats: int) -> float:
    run = run_over(folder, write_source(folder / "source", SNAPSHOT_ROWS))
    found = ingest(run)
    keys = [found.prefix + part.name for part in load_manifest(run.store, found.model, found.digest).parts]
    with _not_comparing(snapshots):
        reading = _best(lambda: snapshots.read_snapshot(run.store, found), repeats)
    comparing = _best(lambda: [_compare(run.store, key) for key in keys], repeats)
    print(f"snapshot, {found.rows / 1e6:.1f} M rows, {found.size_bytes / 1e6:.0f} MB:", end=" ")
    return _ratio(comparing, reading, f" (at most {LIMIT})")


def _batch(folder: Path, repeats: int) -> None:
    store = LocalStore(folder / "store")
    table = pa.Table.from_pandas(_numbers(BATCH_ROWS))
    times = np.zeros(BATCH_ROWS, dtype="datetime64[us]")
    numbers = np.arange(BATCH_ROWS, dtype=np.uint64)
    key = kept.keep_rows(store, "bench/", "batch", kept.SourceRows(table, times, numbers))
    assert key is not None
    with _not_comparing(kept):
        reading = _best(lambda: kept.read_rows(store, key), repeats)
    print(
        f"rows of a check, {BATCH_ROWS / 1e6:.1f} M x {COLUMNS}, {(store.root / key).stat().st_size / 1e6:.0f} MB:",
        end=" ",
    )
    _ratio(_best(lambda: _compare(store, key), repeats), reading)


def _reference(folder: Path, repeats: int) -> None:
    path = folder / "numeric.npz"
    KolmogorovSmirnov.fit(_numbers(REFERENCE_ROWS)).save(path)
    batch = _numbers(BATCH_ROWS)
    reading = _best(lambda: KolmogorovSmirnov.load(path).compare(batch), repeats)
    print(f"reference, {REFERENCE_ROWS / 1e6:.1f} M x {COLUMNS}, {path.stat().st_size / 1e6:.0f} MB:", end=" ")
    _ratio(_best(lambda: checksum(path), repeats), reading)


def _not_comparing(reader: object) -> mock._patch:
    return mock.patch.object(reader, "content_file", lambda store, key, _: store.local_file(key))


def _compare(store: LocalStore, key: str) -> None:
    with content_file(store, key, ""):
        pass


def _ratio(comparing: float, reading: float, limit: str = "") -> float:
    print(f"comparing {comparing:.3f} s, reading {reading:.3f} s: ratio {comparing / reading:.3f}{limit}", flush=True)
    return comparing / reading


def _best(act: Callable[[], object], repeats: int) -> float:
    def seconds() -> float:
        began = time.process_time()
        act()
        return time.process_time() - began

    return min(seconds() for _ in range(repeats))


def _numbers(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    return pd.DataFrame({f"x{number}": rng.normal(size=rows) for number in range(COLUMNS)})


if __name__ == "__main__":
    main()
