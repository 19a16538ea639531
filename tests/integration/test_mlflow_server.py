"""Training, registering and promoting against MLflow's own server over HTTP, as in production."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perennial.deployment import Deployment
from perennial.errors import PromotionError, TrackingUnavailable
from perennial.evaluation.records import Evaluation, Scores
from perennial.models.candidate import Candidate
from perennial.registry.bundles import load_champion
from perennial.registry.champions import current_champion
from perennial.registry.direct import fetch_files, find_alias_holder
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.stages import STAGES
from perennial.store.local import LocalStore
from tests.mlflow_server import running_mlflow
from tests.verdicts import judged

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow-server")
    (folder / "mlflow.db").write_bytes(mlflow_template.read_bytes())
    with running_mlflow(folder, database=f"sqlite:///{folder / 'mlflow.db'}", artifacts=folder / "files") as address:
        yield address


@pytest.fixture
def run(server: str, tmp_path: Path) -> RetrainingRun:
    random = np.random.default_rng(1)
    x = random.normal(size=400)
    (tmp_path / "data" / "rows").mkdir(parents=True)
    pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=400, freq="h", tz="UTC"),
            "x": x,
            "label": (x + random.normal(size=400) > 0).astype(int),
        }
    ).to_parquet(tmp_path / "data" / "rows" / "part.parquet")
    spec = {
        "name": "over_http",
        "task": "classification",
        "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
        "target": {"column": "label"},
        "features": {"numeric": ["x"]},
        "model": {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier"},
        "evaluation": {"holdout": {"fraction": 0.25}, "primary": "roc_auc"},
    }
    return RetrainingRun(
        spec=ModelSpec.model_validate(spec),
        deployment=Deployment(store=LocalStore(tmp_path / "store"), tracking_uri=server, data_root=tmp_path / "data"),
        run_id="manual__1",
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _judged(candidate: Candidate) -> Evaluation:
    return Evaluation(mlflow_run_id=candidate.mlflow_run_id, rows=100, candidate=Scores(metrics={"roc_auc": 0.8}))


def test_a_champion_is_trained_registered_promoted_and_served(run, server, tmp_path, monkeypatch):
    promoted = judged("promote", "first")
    snapshot = STAGES["ingest"](run)
    candidate = STAGES["train"](run, snapshot)
    assert STAGES["train"](run, snapshot) == candidate

    registered = STAGES["register"](run, candidate, _judged(candidate), promoted)
    assert STAGES["register"](run, candidate, _judged(candidate), promoted) == registered
    assert STAGES["promote"](run, registered, promoted).previous_version is None
    assert STAGES["promote"](run, registered, promoted).version == registered.version

    champion = current_champion(run.store, server, "over_http")
    assert (champion.version, champion.mlflow_run_id) == (registered.version, candidate.mlflow_run_id)
    assert champion.bundle_digest == candidate.bundle_digest
    holder = find_alias_holder(server, "over_http", "champion")
    assert (holder.version, holder.run_id) == (champion.version, champion.mlflow_run_id)
    fetch_files(server, "over_http", champion.version, ["bundle.json"], tmp_path)
    assert hashlib.sha256((tmp_path / "bundle.json").read_bytes()).hexdigest() == champion.bundle_digest
    ours = load_champion(run, champion)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    import mlflow.pyfunc

    rows = pd.DataFrame({"x": [-2.0, 0.0, 2.0]})
    theirs = mlflow.pyfunc.load_model("models:/over_http@champion")
    np.testing.assert_array_equal(theirs.predict(rows), ours.predict(rows).values)

    late = STAGES["train"](replace(run, run_id="manual__2"), snapshot)
    second = STAGES["register"](replace(run, run_id="manual__2"), late, _judged(late), promoted)
    with pytest.raises(PromotionError, match="judged against none"):
        STAGES["promote"](run, second, promoted)


def test_a_server_that_goes_away_is_told(run):
    snapshot = STAGES["ingest"](run)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = replace(
            run, deployment=replace(run.deployment, tracking_uri=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        )
        with pytest.raises(TrackingUnavailable, match="does not answer"):
            STAGES["train"](away, snapshot)
