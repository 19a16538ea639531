from __future__ import annotations

import pytest

from perennial.backup.verify import verify
from perennial.store import LocalStore
from tests.watched_model import make_watched


@pytest.fixture
def watched(tmp_path, mlflow_uri):
    model = make_watched(tmp_path / "home", mlflow_uri)
    model.retrain()
    model.land(3000, 400)
    model.decide()
    return model


def test_a_whole_model_is_all_there_and_what_is_missing_is_named(watched, mlflow_uri, tmp_path):
    store = LocalStore(watched.home / "store")
    found = verify(store, mlflow_uri, watched.spec)
    assert str(found) == (
        "watched: champion is version 1; versions: 1, snapshots: 1, checks in the ledger: 1; all there"
    )

    (part,) = [item.key for item in store.list("watched/snapshots/") if item.key.endswith(".parquet")]
    store.write(part, b"cut")
    (entry,) = [item.key for item in store.list("watched/ledger/")]
    store.write(entry, b"{")
    (model_file,) = (tmp_path / "mlflow").rglob("model.skops")
    model_file.unlink()

    missing = "\n".join(verify(store, mlflow_uri, watched.spec).problems)
    assert "version 1: its file model.skops is not in MLflow's artifact storage" in missing
    assert f"version 1: {part} should have" in missing
    assert "champion: " in missing
    assert "ledger or state cannot be read" in missing


def test_a_snapshot_that_is_gone_is_named(watched, mlflow_uri):
    store = LocalStore(watched.home / "store")
    for item in list(store.list("watched/snapshots/")):
        store.delete(item.key)
    (problem,) = verify(store, mlflow_uri, watched.spec).problems
    assert "has no snapshot" in problem
