"""A spec, a store and candidates that are really logged in an MLflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from perennial.deployment import Deployment
from perennial.evaluation.records import Evaluation, Scores
from perennial.models.bundle import write_manifest
from perennial.models.candidate import Candidate
from perennial.models.manifest import Feature, FittedRows, Manifest
from perennial.models.recorded import RecordedBundle, record_bundle
from perennial.models.refit import Refit
from perennial.promotion.records import Verdict
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.store.local import LocalStore
from perennial.store.protocol import Store
from tests.candidates import NOON, candidate, provenance, split_plan
from tests.verdicts import judged

LATER = NOON + timedelta(days=10)
MANIFEST = Manifest(
    format="skops",
    format_version=1,
    files={"model.skops": ""},
    task="classification",
    target="label",
    labels=(0, 1),
    positive=1,
    inputs={"x": "double"},
    features=(Feature(name="x", kind="numeric", made_by="source"),),
    transform=None,
    types=(),
    split=split_plan(),
    recipe="",
    provenance=provenance(),
    baseline_scores={"roc_auc": 0.75},
)


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
        return _logged(run.store, run.tracking_uri, tmp_path)

    return log


@pytest.fixture
def log_refit(run: RetrainingRun, tmp_path: Path) -> Callable[[Candidate], Refit]:
    """Log what a refit makes of a candidate, as a second model of its run."""

    def log(judged: Candidate) -> Refit:
        tracker = Tracker(run.tracking_uri)
        served = FittedRows(rows=1000, train_start=NOON, train_end=LATER)
        made_of = judged.provenance.model_copy(update={"train_end": LATER, "twin_train_end": NOON})
        files = {"model.skops": f"refit of {judged.mlflow_run_id}", "twin-model.skops": judged.mlflow_run_id}
        manifest = MANIFEST.model_copy(
            update={"refit": served, "provenance": made_of, "files": dict.fromkeys(files, "")}
        )
        recorded = _log_bundle(
            tracker, run.store, tmp_path / "refit", judged.experiment_id, judged.mlflow_run_id, manifest, files
        )
        return Refit(
            model_uri=recorded.model_uri,
            bundle_digest=recorded.digest,
            provenance=made_of,
            served=served,
            discarded=False,
            sentence="Refit on all rows.",
        )

    return log


@pytest.fixture
def evaluation_of() -> Callable[[Candidate], Evaluation]:
    return lambda candidate: Evaluation(
        mlflow_run_id=candidate.mlflow_run_id, rows=100, candidate=Scores(metrics={"roc_auc": 0.75})
    )


@pytest.fixture
def make_verdict() -> Callable[..., Verdict]:
    def make(outcome: Any = "promote", *, against: str | None = None, sentence: str = "better") -> Verdict:
        return judged(outcome, sentence, champion_version=against)

    return make


def _logged(store: LocalStore, tracking_uri: str, folder: Path) -> Candidate:
    tracker = Tracker(tracking_uri)
    experiment = tracker.experiment_id("perennial/late")
    run_id = tracker.start_run(experiment, "candidate", {})
    recorded = _log_bundle(tracker, store, folder / run_id, experiment, run_id, MANIFEST, {"model.skops": run_id})
    tracker.finish_run(run_id)
    return candidate(
        mlflow_run_id=run_id,
        experiment_id=experiment,
        model_uri=recorded.model_uri,
        bundle_digest=recorded.digest,
    )


def _log_bundle(
    tracker: Tracker,
    store: Store,
    folder: Path,
    experiment: str,
    run_id: str,
    manifest: Manifest,
    files: dict[str, str],
) -> RecordedBundle:
    logged = tracker.client.create_logged_model(experiment, name="late", source_run_id=run_id)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    manifest, digest = write_manifest(folder, manifest)
    tracker.log_model_folder(logged.model_id, folder)
    recorded = RecordedBundle(
        mlflow_run_id=run_id, model_uri=f"models:/{logged.model_id}", digest=digest, manifest=manifest
    )
    record_bundle(store, "late", recorded)
    tracker.client.finalize_logged_model(logged.model_id, "READY")
    return recorded
