from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from perennial.store.protocol import Store

SpecMaker = Callable[..., ModelSpec]
RunMaker = Callable[..., RetrainingRun]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def make_spec() -> SpecMaker:
    """A spec of flights; keyword arguments replace what they name."""

    def make(**changes: Any) -> ModelSpec:
        source = {"uri": "flights/", "event_time": "at", "window": {"since": "1900-01-01T00:00:00Z"}}
        spec = {
            "name": "flights",
            "task": "classification",
            "target": {"column": "late"},
            "features": {"numeric": ["distance"], "categorical": ["carrier"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc", "gates": {"min_rows": 1}},
        }
        return ModelSpec.model_validate(spec | {"source": source | changes.pop("source", {})} | changes)

    return make


@pytest.fixture
def make_run(tmp_path: Path, make_spec: SpecMaker) -> RunMaker:
    """A run over tmp_path/data into tmp_path/store; keyword arguments replace what they name."""

    def make(spec: ModelSpec | None = None, *, store: Store | None = None, **changes: Any) -> RetrainingRun:
        places = {"tracking_uri": "", "data_root": tmp_path / "data"} | {
            name: changes.pop(name) for name in ("data_root", "sql_url", "s3") if name in changes
        }
        return RetrainingRun(
            spec=spec or make_spec(),
            deployment=Deployment(store=store or LocalStore(tmp_path / "store"), **places),
            **({"run_id": "first", "now": NOW} | changes),
        )

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The source's folder."""
    path = tmp_path / "data" / "flights"
    path.mkdir(parents=True)
    return path
