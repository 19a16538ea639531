from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.run import MonitorRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from tests.unit.monitoring.parcels import Parcels, Registry, make_spec


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    return Parcels(tmp_path / "data")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Let checks be opened and decided without MLflow, and without preparing a reference."""
    found = Registry()
    for module in ("opening", "history", "waiting"):
        monkeypatch.setattr(f"perennial.monitoring.{module}.current_champion", found.current_champion)
    monkeypatch.setattr("perennial.monitoring.opening.prepare_reference", lambda _run, _champion: "")
    return found


@pytest.fixture
def make_run(tmp_path: Path, store: LocalStore) -> Callable[..., MonitorRun]:
    def make(spec: ModelSpec | None = None, **changes: Any) -> MonitorRun:
        given: dict[str, Any] = {"store": store, "tracking_uri": "", "data_root": tmp_path / "data"}
        return MonitorRun(spec=spec or make_spec({"min_rows": 2}), **(given | changes))

    return make
