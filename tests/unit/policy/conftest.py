"""A small history that drifts, and its replay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from perennial.deployment import Deployment
from perennial.policy.history import History
from perennial.policy.matrix import Matrix
from perennial.policy.replay import Replay, begin_replay, rows_of
from perennial.policy.replayed_model import replay_training
from perennial.run import Run
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore

START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 2_000

MakeRun = Callable[..., Run]


def drifting_rows(rows: int = ROWS) -> pd.DataFrame:
    """Rows an hour apart, whose label follows `x` less and `z` more as time goes on."""
    random = np.random.default_rng(3)
    x, z = random.normal(size=(2, rows))
    turned = np.linspace(0, np.pi / 2, rows)
    score = np.cos(turned) * x + np.sin(turned) * z + random.normal(scale=0.4, size=rows)
    return pd.DataFrame(
        {
            "id": np.arange(rows).astype(str),
            "at": pd.date_range(START, periods=rows, freq="h"),
            "x": x,
            "z": z,
            "y": (score > 0).astype("int64"),
        }
    )


def run_in(folder: Path, rows: pd.DataFrame | None = None, as_of: datetime | None = None, **parts: Any) -> Run:
    """Return a run on the small history, with its rows and its store in a folder."""
    landing = folder / "data" / "rows"
    landing.mkdir(parents=True, exist_ok=True)
    (drifting_rows() if rows is None else rows).to_parquet(landing / "rows.parquet")
    spec = {
        "name": "turning",
        "task": "classification",
        "source": {"uri": "rows/", "event_time": "at", "window": {"days": 20}},
        "target": {"column": "y"},
        "features": {"numeric": ["x", "z"]},
        "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
        "evaluation": {"holdout": {"days": 4}, "primary": "roc_auc", "gates": {"min_rows": 20}},
        **parts,
    }
    return Run(
        spec=ModelSpec.model_validate(spec),
        deployment=Deployment(store=LocalStore(folder / "store"), tracking_uri="", data_root=folder / "data"),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        as_of=as_of,
    )


def matrix_of(run: Run, batches: int = 8, **options: Any) -> tuple[Replay, Matrix]:
    """Return the replay of a run's history, and how each of its models does on each batch."""
    replay = begin_replay(run, batches=batches, **options)
    history: History = rows_of(run, replay)
    models = [replay_training(run, replay, history, number) for number in range(replay.batches)]
    return replay, Matrix.of(run, replay, history, models)


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    return partial(run_in, tmp_path)


@pytest.fixture
def make_matrix() -> Callable[..., tuple[Replay, Matrix]]:
    return matrix_of
