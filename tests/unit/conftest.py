"""Specs and rows to train on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from perennial.data.ingest import ingest
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"

MakeSpec = Callable[..., ModelSpec]


@pytest.fixture
def make_spec() -> MakeSpec:
    def make(estimator: str = LOGISTIC, *, task: str = "classification", **parts: Any) -> ModelSpec:
        model = {"estimator": estimator, **parts.pop("model", {})}
        return ModelSpec.model_validate(
            {
                "name": "late",
                "description": "Late or not.",
                "task": task,
                "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
                "target": {"column": "label"},
                "features": {"numeric": ["x", "gap"], "categorical": ["kind"]},
                "model": model,
                "evaluation": {
                    "holdout": {"fraction": 0.25},
                    "primary": "roc_auc" if task == "classification" else "rmse",
                },
                **parts,
            }
        )

    return make


@pytest.fixture
def rows() -> pd.DataFrame:
    """400 rows in which `x` and `kind` tell the label most of the time; `gap` is missing or infinite here and there."""
    random = np.random.default_rng(7)
    x, kind = random.normal(size=400), random.choice(["a", "b", "c"], 400)
    score = x + (kind == "b") + random.normal(scale=0.5, size=400)
    gap = random.normal(size=400)
    gap[::9], gap[4::50] = np.nan, np.inf
    frame = pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=400, freq="h", tz="UTC").astype("datetime64[us, UTC]"),
            "x": x,
            "gap": gap,
            "kind": pd.Series(kind, dtype="str"),
            "label": (score > 0.5).astype("int64"),
            "amount": score,
        }
    )
    frame.loc[::13, "kind"] = np.nan
    return frame


@pytest.fixture
def transform_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable module of the user's; its functions are named in specs as `<module>:<function>`."""
    folder = tmp_path / "user-code"
    folder.mkdir()
    (folder / "user_features.py").write_text(
        "def hourly(rows):\n"
        "    return rows.assign(hour=rows['at'].dt.hour.astype('float64'))\n"
        "def halved(rows):\n"
        "    return rows.head(len(rows) // 2)\n"
        "def broken(rows):\n"
        "    return rows['nothing']\n"
        "unnamed = lambda rows: rows\n"
    )
    monkeypatch.syspath_prepend(folder)
    return "user_features"


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
