"""Rows to measure ingest with: 10 columns, a key, one row in a hundred delivered twice, a tenth outside the window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore

START = datetime(2013, 1, 1, tzinfo=UTC)
FILE_ROWS = 500_000


def write_source(folder: Path, rows: int, *, format_: str = "parquet") -> datetime:
    """Write the rows to files of FILE_ROWS; return the start of the window."""
    folder.mkdir(parents=True)
    for number in range(rows // FILE_ROWS):
        _write(_table(number), folder / f"{number:03}.{format_}")
    return START + timedelta(seconds=rows // 10)


def run_over(folder: Path, since: datetime, *, format_: str = "parquet") -> RetrainingRun:
    """Return a run that ingests `folder`/source into `folder`/store."""
    spec = {
        "name": "bench",
        "task": "classification",
        "source": {
            "uri": "source",
            "format": format_,
            "event_time": "at",
            "key": ["flight"],
            "window": {"since": since},
        },
        "target": {"column": "late"},
        "features": {
            "numeric": ["distance", "delay", "wind", "hour", "weekday"],
            "categorical": ["carrier", "destination"],
        },
        "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
        "evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"},
    }
    return RetrainingRun(
        spec=ModelSpec.model_validate(spec),
        deployment=Deployment(store=LocalStore(folder / "store"), tracking_uri="", data_root=folder),
        run_id="bench",
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _table(number: int) -> pa.Table:
    rng = np.random.default_rng(number)
    rows = np.arange(number * FILE_ROWS, (number + 1) * FILE_ROWS)
    rows[rng.random(FILE_ROWS) < 0.01] = rows[0]
    of_row = np.random.default_rng(0)
    tables = {
        "distance": of_row.normal(1000, 300, 4096),
        "delay": of_row.normal(7, 40, 4096),
        "wind": np.round(of_row.exponential(10, 4096), 1),
        "carrier": np.array([f"C{n:02}" for n in range(16)])[of_row.integers(0, 16, 4096)],
        "destination": np.array([f"D{n:03}" for n in range(300)])[of_row.integers(0, 300, 4096)],
    }
    # Values depend only on the row's number, so that a repeated row is equal; all numbers differ.
    columns = {name: values[(rows * 2654435761) % 4096] for name, values in tables.items()}
    noise = (rows % 1_000_003) / 1_000_003
    return pa.table(
        {
            "at": pa.array(np.datetime64(START.replace(tzinfo=None), "us") + rows.astype("m8[s]")).cast(
                pa.timestamp("us", "UTC")
            ),
            "flight": rows,
            "late": rows % 3 // 2,
            "hour": rows // 3600 % 24,
            "weekday": rows // 86400 % 7,
            **{name: columns[name] + noise for name in ("distance", "delay")},
            **{name: columns[name] for name in ("wind", "carrier", "destination")},
        }
    )


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    else:
        table.to_pandas().to_json(path, orient="records", lines=True, date_format="iso", date_unit="us")
