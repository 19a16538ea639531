"""A watched model over a tiny source: real store, real files; what trains and scores is left to other tests."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perennial.data.snapshots.manifest import Manifest
from perennial.layout import run_folder
from perennial.models.recorded import RecordedBundle, record_bundle
from perennial.monitoring.records import Decision, DriftTestResult, LedgerEntry, OpenCheck
from perennial.registry.records import Champion
from perennial.spec import ModelSpec
from perennial.store.protocol import Store
from tests.candidates import bundle_manifest
from tests.verdicts import judged

START = datetime(2025, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    """Return a moment so many days after the start."""
    return START + timedelta(days=number)


def make_spec(monitoring: dict[str, Any] | None = None, retraining: dict[str, Any] | None = None) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "parcels",
            "task": "classification",
            "source": {"uri": "parcels/", "event_time": "at", "key": ["id"], "window": {"days": 30}},
            "target": {"column": "late", "label_delay_days": 2},
            "features": {"numeric": ["weight"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"holdout": {"days": 5}, "primary": "roc_auc"},
            "monitoring": monitoring or {},
            "retraining": {"triggers": ["ks", "page_hinkley", "performance"], **(retraining or {})},
        }
    )


def digest_of(version: str) -> str:
    """Return the digest of the snapshot that a champion comes from."""
    return hashlib.sha256(version.encode()).hexdigest()


def make_champion(version: str = "1") -> Champion:
    return Champion(
        version=version,
        mlflow_run_id=f"run{version}",
        bundle_digest=digest_of(f"bundle {version}"),
        snapshot_digest=digest_of(version),
        train_end=day(-5),
    )


def make_check(sequence: int = 1, *, at: float | None = None, champion: str | None = "1", **changes: Any) -> OpenCheck:
    """Return check number n, made on day n unless `at` says otherwise."""
    as_of = day(sequence if at is None else at)
    given = {
        "model": "parcels",
        "sequence": sequence,
        "as_of": as_of,
        "watched_as": "s",
        "champion": make_champion(champion) if champion else None,
        "cursor": as_of - timedelta(days=1) if champion else None,
        "batch": f"parcels/batch-{sequence}" if champion else None,
        "rows": 100,
        "late_rows": 0,
        "matured": None,
        "matured_rows": 0,
        "matured_until": as_of - timedelta(days=2) if champion else None,
        "too_late_rows": 0,
        "seen": None,
        "rows_since_training": 100,
    }
    return OpenCheck.model_validate(given | changes)


def make_result(name: str, status: str = "fired", **changes: Any) -> DriftTestResult:
    return DriftTestResult.model_validate({"test": name, "status": status, "sentence": f"{name}: {status}."} | changes)


def make_entry(
    sequence: int,
    outcome: str = "none",
    *results: DriftTestResult,
    at: float | None = None,
    champion: str | None = "1",
    last_trigger: int | None = None,
    **changes: Any,
) -> LedgerEntry:
    check = make_check(sequence, at=at, champion=champion, **changes)
    run_id = f"run-{sequence}" if outcome == "trigger" else None
    return LedgerEntry(
        sequence=sequence,
        model="parcels",
        as_of=check.as_of,
        check=check,
        results=results,
        decision=Decision.model_validate({"outcome": outcome, "reasons": ("because",), "run_id": run_id}),
        last_trigger=last_trigger,
    )


class Parcels:
    """The source: one file a delivery, one row a parcel."""

    def __init__(self, data_root: Path) -> None:
        self.folder = data_root / "parcels"
        self.folder.mkdir(parents=True)
        self.delivered = 0

    def deliver(self, ids: range | list[int], *, days: list[float], late: list[int | None] | None = None) -> None:
        """Land parcels with these event times; weight follows from the id."""
        rows = pd.DataFrame(
            {
                "id": [str(number) for number in ids],
                "at": [day(number) for number in days],
                "weight": [float(number % 7) for number in ids],
                "late": pd.array(late or [number % 2 for number in ids], dtype="Int64"),
            }
        )
        self.delivered += 1
        rows.to_parquet(self.folder / f"{self.delivered:04}.parquet", index=False)


class Registry:
    """Who is champion; stands for MLflow, whose part tests/integration/test_monitoring.py plays for real."""

    def __init__(self) -> None:
        self.champion: Champion | None = None

    def stand_in(self, patch: pytest.MonkeyPatch) -> None:
        """Let checks be opened and decided without MLflow, and without preparing a reference."""
        for module in ("opening", "history", "waiting", "set_cursor"):
            patch.setattr(f"perennial.monitoring.{module}.current_champion", self.current_champion)
        patch.setattr("perennial.monitoring.opening.prepare_reference", lambda _run, _champion: "")

    def current_champion(self, _store: Store, _tracking_uri: str, _name: str) -> Champion | None:
        return self.champion


def write_origin(store: Store, version: str, *, end: datetime, **bundle: Any) -> None:
    """Keep what a champion comes from: its bundle's record, and the manifest of its snapshot, whose rows are not there."""
    champion = make_champion(version)
    recorded = RecordedBundle(
        mlflow_run_id=champion.mlflow_run_id,
        model_uri=f"models:/m-{version}",
        digest=champion.bundle_digest,
        manifest=bundle_manifest(**{"inputs": {"weight": "double"}} | bundle),
    )
    record_bundle(store, "parcels", recorded)
    manifest = Manifest(
        model="parcels", digest=digest_of(version), rows=10, start=day(-30), end=end, window_start=None, as_of=end,
        schema_={"weight": "double"}, size_bytes=1, rows_read=10, exact_duplicates=0, key_duplicates=0,
        parts=(), source_objects=(),
    )  # fmt: skip
    key = f"parcels/snapshots/{manifest.digest}/manifest.json"
    store.write(key, manifest.model_dump_json().encode())


def end_retraining(store: Store, run_id: str, result: str) -> None:
    """Leave what a retraining leaves: a verdict unless it failed, and a promotion if it was promoted."""
    prefix = run_folder("parcels", run_id)
    if result != "failed":
        outcome = "promote" if result == "promoted" else "reject"
        verdict = judged(outcome, f"{outcome}.")
        store.write(f"{prefix}verdict.json", verdict.model_dump_json().encode())
    if result == "promoted":
        store.write(f"{prefix}promotion.json", b"{}")
