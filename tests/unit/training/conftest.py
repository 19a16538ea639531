"""A run with a snapshot to train from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perennial.data.ingest import ingest
from perennial.deployment import Deployment
from perennial.models.environment import code_version
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore


@pytest.fixture(autouse=True)
def fixed_code_version(monkeypatch):
    """Whoever commits while these tests run must not change what they see."""
    monkeypatch.setenv("PERENNIAL_CODE_VERSION", "under test")
    code_version.cache_clear()
    yield
    code_version.cache_clear()


@pytest.fixture
def prepare(tmp_path: Path, mlflow_uri: str) -> Callable[..., tuple[RetrainingRun, Any]]:
    """Land rows, ingest them, and return the run and its snapshot."""

    def make(spec: ModelSpec, rows: pd.DataFrame) -> tuple[RetrainingRun, Any]:
        (tmp_path / "data" / "rows").mkdir(parents=True)
        rows.to_parquet(tmp_path / "data" / "rows" / "part.parquet")
        run = RetrainingRun(
            spec=spec,
            deployment=Deployment(
                store=LocalStore(tmp_path / "store"), tracking_uri=mlflow_uri, data_root=tmp_path / "data"
            ),
            run_id="manual__1",
            now=datetime(2026, 1, 1, tzinfo=UTC),
            reason="a test",
            triggered_by="pytest",
        )
        return run, ingest(run)

    return make
