"""A few flights to ingest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from perennial.store.protocol import Store

START = datetime(2013, 1, 1, tzinfo=UTC)


def table(rows: int = 10, *, first: int = 0, **columns: Any) -> pa.Table:
    """Flights an hour apart from START on, beginning with number `first`; `columns` replace or add."""
    numbers = range(first, first + rows)
    made = {
        "at": pa.array([START + timedelta(hours=n) for n in numbers], pa.timestamp("us", "UTC")),
        "flight": pa.array(numbers, pa.int64()),
        "distance": pa.array([100.0 * n for n in numbers]),
        "carrier": pa.array([("UA", "AA", "DL")[n % 3] for n in numbers]),
        "late": pa.array([n % 2 for n in numbers], pa.int64()),
    }
    return pa.table(made | columns)


def land(folder: Path, name: str = "a.parquet", rows: int = 10, **changes: Any) -> Path:
    """Write flights to a Parquet file of several row groups."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(rows, **changes), path, row_group_size=3)
    return path


def kept_besides_file_facts(store: Store) -> list[str]:
    """Return all keys but that of what was found in the source's files, which is true whatever came of them."""
    return [stored.key for stored in store.list() if stored.key != "flights/source_files.json"]
