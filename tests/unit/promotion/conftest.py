"""A spec, a store and candidates that are really logged in an MLflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perennial.deployment import Deployment
from perennial.evaluation.records import Evaluation, Scores
from perennial.promotion.records import Verdict
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from perennial.training.records import Candidate


@pytest.fixture
def spec() -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "late",
            "description": "Late or not.",
            "task": "classification",
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
            "target": {"column": "label"},
            "features": {"numeric": ["x"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"holdout": {"days": 10}, "primary": "roc_auc"},
        }
    )


@pytest.fixture
def run(spec: ModelSpec, mlflow_uri: str, tmp_path: Path) -> RetrainingRun:
    return RetrainingRun(
        spec=spec,
        deployment=Deployment(store=LocalStore(tmp_path / "store"), tracking_uri=mlflow_uri, data_root=tmp_path),
        run_id="manual__1",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        reason="a test",
        triggered_by="pytest",
    )


@pytest.fixture
def dry(run: RetrainingRun) -> RetrainingRun:
    return replace(run, dry_run=True)


@pytest.fixture
def log_candidate(run: RetrainingRun, tmp_path: Path) -> Callable[[], Candidate]:
    """Log a run with a model whose file says which candidate it is."""

    def log() -> Candidate:
        return _logged(run.tracking_uri, tmp_path)

    return log


@pytest.fixture
def evaluation_of() -> Callable[[Candidate], Evaluation]:
    return lambda candidate: Evaluation(
        mlflow_run_id=candidate.mlflow_run_id, rows=100, candidate=Scores(metrics={"roc_auc": 0.75})
    )


@pytest.fixture
def make_verdict() -> Callable[..., Verdict]:
    def make(outcome: Any = "promote", *, against: str | None = None, sentence: str = "better") -> Verdict:
        return Verdict(outcome=outcome, sentence=sentence, gates=(), champion_version=against)

    return make


def _logged(tracking_uri: str, folder: Path) -> Candidate:
    tracker = Tracker(tracking_uri)
    experiment = tracker.experiment_id("perennial/late")
    run_id = tracker.start_run(experiment, "candidate", {})
    logged = tracker.client.create_logged_model(experiment, name="late", source_run_id=run_id)
    files = folder / run_id
    files.mkdir()
    (files / "model.skops").write_text(run_id)
    tracker.log_model_folder(logged.model_id, files)
    tracker.client.finalize_logged_model(logged.model_id, "READY")
    tracker.finish_run(run_id)
    moment = datetime(2024, 3, 1, tzinfo=UTC)
    return Candidate(
        mlflow_run_id=run_id,
        experiment_id=experiment,
        model_uri=f"models:/{logged.model_id}",
        snapshot_digest="5" * 64,
        spec_digest="6" * 64,
        code_version="0.1.0",
        train_rows=900,
        train_start=moment,
        train_end=moment,
        holdout_rows=100,
        holdout_start=moment,
        holdout_end=moment,
        unlabelled_rows=0,
    )
