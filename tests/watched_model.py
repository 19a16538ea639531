"""A small model with a champion, and rows that come after its training: for what is tested around a check."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from perennial.deployment import Deployment
from perennial.monitoring.records import LedgerEntry
from perennial.monitoring.steps import TESTS, CheckReader, decide, make_test, open_check
from perennial.run import MonitorRun, RetrainingRun
from perennial.spec import ModelSpec
from perennial.stages import STAGES
from perennial.store import LocalStore

START = datetime(2024, 1, 1, tzinfo=UTC)
TRAINED_ROWS = 3000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(minutes=TRAINED_ROWS - 1)
SPEC: dict[str, Any] = {
    "name": "watched",
    "task": "classification",
    "source": {"uri": "rows/", "event_time": "at", "key": ["id"], "window": {"days": 30}},
    "target": {"column": "y", "label_delay_days": 0},
    "features": {"numeric": ["x", "few", "holes"], "categorical": ["kind"]},
    "model": {"estimator": "sklearn.linear_model.LogisticRegression", "seed": 1},
    "evaluation": {"holdout": {"days": 0.7}, "primary": "roc_auc"},
    "monitoring": {"min_rows": 200, "require": {"checks": 1, "of": 1}},
    "retraining": {"cooldown_days": 0},
}


@dataclass(frozen=True)
class Watched:
    """A folder with a source, a store and MLflow's database."""

    home: Path
    tracking_uri: str
    spec: ModelSpec

    @property
    def deployment(self) -> Deployment:
        return Deployment(store=LocalStore(self.home / "store"), tracking_uri=self.tracking_uri, data_root=self.home)

    @property
    def arguments(self) -> dict[str, Any]:
        """What all runs have in common."""
        return {
            "spec": self.spec,
            "deployment": self.deployment,
            "now": NOW,
        }

    def run(self, **changes: Any) -> MonitorRun:
        return MonitorRun(**(self.arguments | changes))

    def land(self, first: int, rows: int, *, shift: float = 0.0, kind: str = "a", flipped: float = 0.0) -> None:
        """Write rows a minute apart from row number `first` on; a shift moves all columns, so many labels are flipped."""
        rng = np.random.default_rng(first)
        x = rng.normal(shift, size=rows)
        holes = rng.normal(size=rows)
        holes[rng.random(rows) < (0.5 if shift else 0.01)] = np.nan
        frame = pd.DataFrame(
            {
                "id": np.arange(first, first + rows),
                "at": pd.Timestamp(START) + pd.to_timedelta(np.arange(first, first + rows), unit="min"),
                "x": x,
                "few": rng.integers(0, 3 + 2 * bool(shift), size=rows).astype(float),
                "holes": holes,
                "kind": rng.choice([kind, "b"], size=rows),
                "y": (x + rng.normal(size=rows) > 0).astype("int64"),
            }
        )
        frame["y"] ^= np.arange(rows) < flipped * rows
        folder = self.home / "rows"
        folder.mkdir(exist_ok=True)
        frame.to_parquet(folder / f"{first:06d}.parquet", index=False)

    def retrain(self, run_id: str = "first", **changes: Any) -> None:
        run = RetrainingRun(**(self.arguments | {"run_id": run_id} | changes))
        made: dict[str, Any] = {}
        for stage in STAGES.values():
            taken = [made.get(name) for name in stage.takes]
            if not stage.why_not(run, *taken):
                made[stage.makes] = stage(run, *taken)

    def copy(self, home: Path) -> Watched:
        """Return the same in another folder; MLflow is shared, so the copy must not retrain."""
        shutil.copytree(self.home, home)
        return Watched(home, self.tracking_uri, self.spec)

    def decide(self, **changes: Any) -> LedgerEntry:
        """Make a check up to its entry in the ledger."""
        run = self.run(**changes)
        check = open_check(run)
        assert check is not None
        return decide(run, check, [make_test(CheckReader(run), check, name) for name in TESTS])


def make_two_champions(folder: Path, mlflow_template: Path, **changes: Any) -> Watched:
    """Return a model whose first champion knows nothing that matters, and whose second does, on its current spec."""
    shutil.copyfile(mlflow_template, folder / "mlflow.db")
    poor = make_watched(
        folder / "home",
        f"sqlite:///{folder}/mlflow.db",
        features={"numeric": ["few", "holes"], "categorical": ["kind"]},
    )
    poor.retrain("first")
    model = Watched(poor.home, poor.tracking_uri, ModelSpec.model_validate(SPEC | changes))
    model.land(TRAINED_ROWS, 1500)
    model.retrain("second")
    return model


def make_watched(home: Path, tracking_uri: str, **changes: Any) -> Watched:
    """Return a model that has rows to train on, and no champion yet."""
    home.mkdir(parents=True, exist_ok=True)
    watched = Watched(home, tracking_uri, ModelSpec.model_validate(SPEC | changes))
    watched.land(0, TRAINED_ROWS)
    return watched
