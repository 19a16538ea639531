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
    (twin,) = (tmp_path / "mlflow").rglob("twin-model.skops")
    (twin.parent / "model.skops").unlink()

    missing = "\n".join(verify(store, mlflow_uri, watched.spec).problems)
    assert "version 1: its file model.skops is not in MLflow's artifact storage" in missing
    assert f"version 1: {part} should have" in missing
    assert f"{entry} is damaged" in missing
    assert missing.count("model.skops") > 1, "that the champion cannot be loaded is said too"


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
    (twin,) = (tmp_path / "mlflow").rglob("twin-model.skops")
    flip(twin)

    assert not any(key in problem for key in changed for problem in verify(store, mlflow_uri, watched.spec).problems)
    problems = verify(store, mlflow_uri, watched.spec, deep=True).problems
    assert [key for key in changed if not any(f"{key} is damaged" in problem for problem in problems)] == []
    assert any(
        "version 1: its file twin-model.skops in MLflow's artifact storage is not the one" in p for p in problems
    )


@pytest.mark.parametrize(
    ("tag", "value"), [("train_end", "yesterday"), ("libraries", "{"), ("libraries", "{}"), ("reason", "another")]
)
def test_tags_that_do_not_say_what_was_recorded_are_named(watched, mlflow_uri, tag, value):
    MlflowClient(mlflow_uri).set_model_version_tag("watched", "1", f"perennial.{tag}", value)
    (problem,) = verify(LocalStore(watched.home / "store"), mlflow_uri, watched.spec).problems
    assert "version 1: its tags differ from the record; watched/bundles/" in problem


def test_a_version_whose_record_is_gone_is_named_with_what_to_do(watched, mlflow_uri):
    store = LocalStore(watched.home / "store")
    (key,) = [item.key for item in store.list("watched/bundles/") if item.key.endswith("/refit.json")]
    store.delete(key)
    problems = set(verify(store, mlflow_uri, watched.spec).problems)
    assert problems == {
        f"version 1: the store has no record of it ({key}), so it is taken for one that Perennial did not train: put the "
        "record back from a backup (docs/deploy.md)"
    }


def test_a_version_that_someone_else_registered_is_no_problem(watched, mlflow_uri):
    client = MlflowClient(mlflow_uri)
    client.create_model_version("watched", str(watched.home / "theirs"))
    client.set_registered_model_alias("watched", "champion", "2")
    found = verify(LocalStore(watched.home / "store"), mlflow_uri, watched.spec, deep=True)
    assert (found.champion, found.versions, found.problems) == ("2", 2, ())


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))
