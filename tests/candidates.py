"""Candidates, splits and provenances for tests that need no real training."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from perennial.data.split_plan import SplitPlan
from perennial.models.candidate import Candidate
from perennial.models.manifest import Manifest
from perennial.models.provenance import Provenance

NOON = datetime(2024, 3, 1, tzinfo=UTC)


def split_plan(**changes: Any) -> SplitPlan:
    facts = {
        "event_time": "at",
        "target": "label",
        "purge_days": 0.0,
        "train_start": NOON,
        "train_end": NOON,
        "holdout_start": NOON,
        "holdout_end": NOON,
        "train_rows": 900,
        "holdout_rows": 100,
        "gap_rows": 0,
        "unlabelled_rows": 0,
    }
    return SplitPlan.model_validate(facts | changes)


def provenance(**changes: Any) -> Provenance:
    facts = {
        "run_id": "manual__1",
        "snapshot_digest": "5" * 64,
        "recipe_digest": "6" * 64,
        "transform_digest": "",
        "libraries": {"scikit-learn": "1.9.1"},
        "code_version": "0.1.0",
        "system": "Linux, 2 cores",
        "triggered_by": "pytest",
        "reason": "a test",
        "train_end": NOON,
        "data_end": NOON,
    }
    return Provenance.model_validate(facts | changes)


def candidate(**changes: Any) -> Candidate:
    facts = {
        "mlflow_run_id": "run",
        "experiment_id": "1",
        "model_uri": "models:/m-1",
        "bundle_digest": "7" * 64,
        "split": split_plan(),
        "provenance": provenance(),
    }
    return Candidate.model_validate(facts | changes)


def bundle_manifest(**changes: Any) -> Manifest:
    facts = {
        "format": "skops",
        "format_version": 1,
        "files": {"model.skops": "8" * 64},
        "task": "classification",
        "target": "label",
        "labels": (0, 1),
        "positive": 1,
        "inputs": {"x": "double"},
        "features": ({"name": "x", "kind": "numeric", "made_by": "source"},),
        "transform": None,
        "types": (),
        "split": split_plan(),
        "recipe": "",
        "provenance": provenance(),
        "baseline_scores": {"roc_auc": 0.7},
    }
    return Manifest.model_validate(facts | changes)
