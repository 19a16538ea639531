from __future__ import annotations

import pytest
from mlflow import MlflowClient

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
    assert f"{entry} is damaged" in missing
    assert "champion: " in missing


def test_a_snapshot_that_is_gone_is_named(watched, mlflow_uri):
    store = LocalStore(watched.home / "store")
    for item in list(store.list("watched/snapshots/")):
        store.delete(item.key)
    (problem,) = verify(store, mlflow_uri, watched.spec).problems
    assert "has no snapshot" in problem


def test_deep_reads_every_object_and_every_model_file(watched, mlflow_uri, tmp_path):
    store = LocalStore(watched.home / "store")
    whole = verify(store, mlflow_uri, watched.spec, deep=True)
    assert whole.problems == ()
    assert f"objects read whole: {whole.objects}; all there" in str(whole)

    changed = []
    for ending in (".parquet", ".u64", ".npz", "evaluation.json"):
        key = next(item.key for item in store.list("watched/") if item.key.endswith(ending))
        flip(store.root / key)
        changed.append(key)
    (model_file,) = (tmp_path / "mlflow").rglob("model.skops")
    flip(model_file)

    assert not any(key in problem for key in changed for problem in verify(store, mlflow_uri, watched.spec).problems)
    problems = verify(store, mlflow_uri, watched.spec, deep=True).problems
    assert [key for key in changed if not any(f"{key} is damaged" in problem for problem in problems)] == []
    assert any("version 1: model.skops is damaged" in problem for problem in problems)


def test_tags_that_cannot_be_read_are_named(watched, mlflow_uri):
    MlflowClient(mlflow_uri).set_model_version_tag("watched", "1", "perennial.train_end", "yesterday")
    (problem,) = verify(LocalStore(watched.home / "store"), mlflow_uri, watched.spec).problems
    assert "version 1: its tags cannot be read: perennial.train_end='yesterday' is not a timestamp" in problem


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))
