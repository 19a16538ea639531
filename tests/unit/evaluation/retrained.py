"""A model that is retrained step by step, in a store and a registry of its own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from perennial.data.ingest import ingest
from perennial.data.snapshots.read import read_snapshot
from perennial.data.snapshots.records import Snapshot
from perennial.data.split import split_by_time
from perennial.deployment import Deployment
from perennial.evaluation.evaluate import evaluate
from perennial.evaluation.records import Evaluation
from perennial.models.candidate import Candidate
from perennial.promotion.registry import promote, register
from perennial.promotion.verdict import decide
from perennial.registry.bundles import load_candidate
from perennial.registry.records import Champion
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from perennial.training.refit import refit
from perennial.training.train import train

START = datetime(2024, 1, 1, tzinfo=UTC)
SOME_LOGISTIC = {"estimator": "sklearn.linear_model.LogisticRegression"}


def make_rows(hours: int = 600, **columns: Any) -> pd.DataFrame:
    """Rows an hour apart; `x` and `kind` tell `label` and `amount` most of the time."""
    random = np.random.default_rng(3)
    x, kind = random.normal(size=hours), random.choice(["a", "b"], hours)
    amount = x + (kind == "b") + random.normal(scale=0.7, size=hours)
    facts = {
        "at": pd.date_range(START, periods=hours, freq="h"),
        "x": x,
        "gap": random.normal(size=hours),
        "kind": kind,
        "label": (amount > 0.5).astype("int64"),
        "amount": amount,
    }
    return pd.DataFrame(facts | columns)


@dataclass
class Model:
    """One model in a store and a registry, retrained step by step."""

    folder: Path
    tracking_uri: str
    name: str = field(default_factory=lambda: f"late-{uuid.uuid4().hex[:8]}")

    def land(self, rows: pd.DataFrame) -> None:
        """Make these the source's rows."""
        source = self.folder / "data" / self.name
        source.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(source / "rows.parquet")

    def run(self, run_id: str = "first", *, as_of: datetime | None = None, **parts: Any) -> RetrainingRun:
        parts = {
            "task": "classification",
            "target": {"column": "label"},
            "features": {"numeric": ["x"], "categorical": ["kind"]},
            "model": SOME_LOGISTIC,
            "evaluation": {"holdout": {"rows": 150}, "primary": "roc_auc", "gates": {"minimum": {"roc_auc": 0.6}}},
        } | parts
        return RetrainingRun(
            spec=ModelSpec.model_validate(
                {
                    "name": self.name,
                    "source": {"uri": f"{self.name}/", "event_time": "at", "window": {"days": 90}},
                    **parts,
                }
            ),
            deployment=Deployment(
                store=LocalStore(self.folder / "store"), tracking_uri=self.tracking_uri, data_root=self.folder / "data"
            ),
            run_id=run_id,
            now=datetime(2026, 1, 1, tzinfo=UTC),
            as_of=as_of,
        )

    def crown(self, run: RetrainingRun) -> Candidate:
        """Retrain to the end, with a refit unless the spec has none, and expect a promotion."""
        snapshot, candidate, evaluation = self.judge(run)
        verdict = decide(evaluation, run.spec, candidate)
        served = refit(run, snapshot, candidate, verdict) if run.spec.model.refit else None
        promote(run, register(run, candidate, evaluation, verdict, served), verdict)
        return candidate

    @staticmethod
    def judge(run: RetrainingRun) -> tuple[Snapshot, Candidate, Evaluation]:
        snapshot = ingest(run)
        candidate = train(run, snapshot)
        return snapshot, candidate, evaluate(run, snapshot, candidate)


def artifacts(tracking_uri: str, candidate: Candidate) -> set[str]:
    found = Tracker(tracking_uri).client.list_artifacts(candidate.mlflow_run_id, "evaluation")
    return {Path(item.path).name for item in found}


def holdout(run: RetrainingRun, snapshot: Snapshot) -> pd.DataFrame:
    return split_by_time(read_snapshot(run.store, snapshot), run.spec).holdout


def champion_of(evaluation: Evaluation) -> Champion:
    assert evaluation.champion_is is not None
    return evaluation.champion_is


def auc_of(run: RetrainingRun, mlflow_run_id: str, rows: pd.DataFrame) -> float:
    said = load_candidate(run, mlflow_run_id).predict(rows)
    assert said.probabilities is not None
    return float(roc_auc_score(rows["label"], said.probabilities[:, 1]))
