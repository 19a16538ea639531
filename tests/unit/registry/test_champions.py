from __future__ import annotations

from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker
from tests.watched_model import make_watched


def test_a_champion_is_known_by_what_its_trainer_recorded_and_not_by_its_tags(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri)
    watched.retrain()
    store = watched.run().store
    before = current_champion(store, mlflow_uri, "watched")
    assert not before.is_foreign
    assert store.exists(f"watched/bundles/{before.mlflow_run_id}.json")
    tracker = Tracker(mlflow_uri)
    with tracker.connected():
        for tag in ("perennial.snapshot", "perennial.train_end", "perennial.bundle"):
            tracker.client.set_model_version_tag("watched", "1", tag, "changed")
    assert current_champion(store, mlflow_uri, "watched") == before

    for record in store.list("watched/bundles/"):
        store.delete(record.key)
    foreign = current_champion(store, mlflow_uri, "watched")
    assert (foreign.version, foreign.is_foreign, foreign.snapshot_digest, foreign.train_end) == ("1", True, "", None)
