from __future__ import annotations

import copy
import shutil
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from perennial.data.snapshots.read import load_manifest, read_snapshot
from perennial.errors import BundleChanged, DataError, TrainingError
from perennial.models.base import Base
from perennial.models.predictions import identical
from perennial.policy.replay import begin_replay
from perennial.registry.bundles import load_version
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.stages import STAGES
from perennial.training.continuation.champion import Continuation
from perennial.training.continuation.start import Start, start_of
from perennial.training.refit import refit
from perennial.training.reproduce import reproduce
from perennial.training.train import train
from tests.watched_model import SPEC, TRAINED_ROWS, make_watched

BOOSTER = {"estimator": "lightgbm.LGBMClassifier", "params": {"n_estimators": 10, "n_jobs": 1}, "seed": 1}
UPDATE = {"update": {"iterations": 5, "full_every": 3}}


def retrain(watched, run_id, **changes):
    """Return the records of a retraining's stages."""
    run = RetrainingRun(**(watched.arguments | {"run_id": run_id} | changes))
    made = {}
    for stage in STAGES.values():
        taken = [made.get(name) for name in stage.takes]
        if not stage.why_not(run, *taken):
            made[stage.makes] = stage(run, *taken)
    return made


@pytest.fixture(scope="module")
def updated(tmp_path_factory, mlflow_template):
    """Return a model and what its four retrainings made: the second's update is promoted, the third's is not."""
    folder = tmp_path_factory.mktemp("updated")
    shutil.copyfile(mlflow_template, folder / "mlflow.db")
    watched = make_watched(
        folder / "model",
        f"sqlite:///{folder / 'mlflow.db'}",
        model=BOOSTER | UPDATE,
        evaluation=SPEC["evaluation"] | {"gates": {"tolerance": 1.0}},
    )
    first = retrain(watched, "first")
    watched.land(TRAINED_ROWS, 1000)
    second = retrain(watched, "second")
    watched.land(TRAINED_ROWS + 1000, 200)
    strict = watched.spec.evaluation.gates.model_copy(update={"minimum": {"roc_auc": 0.999}})
    evaluation = watched.spec.evaluation.model_copy(update={"gates": strict})
    third = retrain(watched, "third", spec=watched.spec.model_copy(update={"evaluation": evaluation}))
    return watched, first, second, third, retrain(watched, "fourth")


def test_an_update_goes_on_from_the_champions_twin_and_its_served_model_on_the_rows_that_are_new_to_each(updated):
    watched, first, second, *_ = updated
    assert first["candidate"].start == "It was trained in full: there is no champion yet."
    base = second["candidate"].provenance.base
    assert base == Base(
        version="1",
        mlflow_run_id=first["candidate"].mlflow_run_id,
        bundle_digest=first["refit"].bundle_digest,
        updates=1,
    )
    frame = read_snapshot(watched.deployment.store, second["snapshot"])
    (_, before), (_, after) = load_version(watched.run(), "1"), load_version(watched.run(), "2")
    plan = second["candidate"].split
    for name, learnt, newest in (
        ("twin", first["candidate"].split.train_end, plan.train_end),
        ("model", first["refit"].served.train_end, plan.holdout_end),
    ):
        new = frame[(frame["at"] > learnt) & (frame["at"] <= newest)]
        pipeline = copy.deepcopy(getattr(before, name).pipeline)
        by_hand = lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, random_state=1, verbosity=-1)
        columns = pipeline[-1].categories
        prepared = pipeline[:-1].transform(new[list(before.inputs)])
        by_hand.fit(prepared, new["y"], init_model=pipeline[-1].booster_, categorical_feature=list(columns))
        expected = by_hand.booster_.predict(pipeline[:-1].transform(frame[list(before.inputs)]))
        said = getattr(after, name).predict(frame)
        assert np.array_equal(said.probabilities[:, 1], expected)
        assert not identical(said, getattr(before, name).predict(frame))
    assert (len(frame[frame["at"] > first["candidate"].split.train_end]), plan.train_end < plan.holdout_start) == (
        TRAINED_ROWS + 1000 - first["candidate"].split.train_rows,
        True,
    )


def test_verdict_version_and_refit_say_what_was_continued(updated):
    watched, _, second, *_ = updated
    said = (
        "It continues champion v1 on the 1,000 labelled rows after 2024-01-02 09:11 UTC: update 1 since the last full"
    )
    assert second["candidate"].start.startswith(said)
    assert second["verdict"].sentence.endswith(second["candidate"].start)
    assert second["refit"].sentence.startswith("After the verdict the served model of champion v1 was continued on")
    version = Tracker(watched.tracking_uri).client.get_model_version("watched", "2")
    assert Base.model_validate_json(version.tags["perennial.base"]) == second["refit"].provenance.base
    assert type(second["refit"].provenance).from_tags(version.tags) == second["refit"].provenance


def test_a_retraining_that_is_repeated_after_its_promotion_continues_what_it_continued(updated):
    watched, _, second, *_ = updated
    run = RetrainingRun(**(watched.arguments | {"run_id": "second"}))
    assert train(run, second["snapshot"]) == second["candidate"]
    assert refit(run, second["snapshot"], second["candidate"], second["verdict"]) == second["refit"]


def test_every_third_retraining_is_a_full_one_whether_the_updates_were_promoted_or_not(updated):
    watched, _, _, third, fourth = updated
    assert (third["verdict"].promotes, third["candidate"].provenance.base.updates) == (False, 2)
    assert fourth["candidate"].start == "It was trained in full: 2 updates were made since the last full training."
    fifth = RetrainingRun(**(watched.arguments | {"run_id": "fifth"}))
    base = start_of(fifth, Tracker(watched.tracking_uri), fourth["candidate"].experiment_id).base
    assert (base.version, base.updates) == (fourth["registered"].version, 1)


def test_a_champion_whose_files_were_changed_fails_the_run(updated):
    watched, *_, fourth = updated
    client = Tracker(watched.tracking_uri).client
    file = Path(client.get_model_version("watched", fourth["registered"].version).source) / "twin-model.zip"
    content = file.read_bytes()
    file.write_bytes(content + b"\0")
    try:
        with pytest.raises(BundleChanged, match=r"twin-model\.zip"):
            train(RetrainingRun(**(watched.arguments | {"run_id": "changed"})), fourth["snapshot"])
    finally:
        file.write_bytes(content)


def test_an_update_is_reproduced_bit_for_bit(updated):
    watched, *_ = updated
    found = reproduce(watched.run(), "2")
    assert found.identical
    assert (found.served.fitted_rows, found.twin.fitted_rows) == (1000, 1000)


def test_another_recipe_or_no_new_row_needs_a_full_training(updated):
    watched, *_ = updated
    model = watched.spec.model.model_copy(update={"params": {"n_estimators": 11, "n_jobs": 1}})
    run = RetrainingRun(
        **(watched.arguments | {"run_id": "other", "spec": watched.spec.model_copy(update={"model": model})})
    )
    snapshot = load_manifest(watched.deployment.store, "watched", snapshot_of(watched))
    assert train(run, snapshot).start == (
        "It was trained in full: other than in champion v4: features or settings of the fit."
    )
    again = RetrainingRun(**(watched.arguments | {"run_id": "again"}))
    assert train(again, snapshot).start == (
        "It was trained in full: no labelled row is newer than those that champion v4 has learnt from."
    )


def snapshot_of(watched):
    return load_version(watched.run(), "champion")[1].manifest.provenance.snapshot_digest


def test_rows_with_another_label_or_a_holdout_that_the_twin_knows_need_a_full_training(updated):
    watched, first, second, *_ = updated
    continuation = Continuation.of(watched.run(), second["candidate"].provenance.base)
    frame = read_snapshot(watched.deployment.store, second["snapshot"])
    with pytest.raises(TrainingError, match=r"the new rows have 3 labels, champion v1 knows 2, .* differ: \['7'\]"):
        continuation.fit_twin(watched.spec, frame.assign(y=frame["y"].mask(frame.index == len(frame) - 1, 7)))
    before = first["candidate"].split.model_copy(update={"holdout_start": first["snapshot"].start})
    with pytest.raises(TrainingError, match="champion v1 has learnt rows up to 2024-01-02 09:11 UTC"):
        continuation.check(second["candidate"].provenance, before)


def test_the_first_decision_holds_however_the_champion_moves(updated):
    watched, _, second, *_ = updated
    tracker = Tracker(watched.tracking_uri)
    run = RetrainingRun(**(watched.arguments | {"run_id": "sixth"}))
    experiment = second["candidate"].experiment_id
    decided = start_of(run, tracker, experiment)
    assert decided.base.version == "4"
    tracker.client.set_registered_model_alias("watched", "champion", "1")
    try:
        assert start_of(run, tracker, experiment) == decided
        # Version 2 counts as a retraining that continued version 1.
        other = RetrainingRun(**(watched.arguments | {"run_id": "seventh"}))
        assert start_of(other, tracker, experiment).base.updates == 2
    finally:
        tracker.client.set_registered_model_alias("watched", "champion", "4")


def test_without_update_nothing_is_decided(watched_plain):
    run = RetrainingRun(**(watched_plain.arguments | {"run_id": "first"}))
    assert start_of(run, None, "") == Start()
    assert not list(run.store.list("watched/runs/"))


@pytest.fixture
def watched_plain(tmp_path, mlflow_uri):
    return make_watched(tmp_path / "model", mlflow_uri)


def test_an_estimator_that_cannot_continue_is_refused_before_rows_are_read(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri, model=SPEC["model"] | UPDATE)
    run = RetrainingRun(**(watched.arguments | {"run_id": "first"}))
    with pytest.raises(TrainingError, match="LogisticRegression cannot continue from a fitted state"):
        train(run, None)


def test_a_backtest_refuses_models_that_continue_each_other(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri, model=BOOSTER | UPDATE)
    with pytest.raises(DataError, match=r"model\.update: a backtest trains each model in full"):
        begin_replay(watched.run())
