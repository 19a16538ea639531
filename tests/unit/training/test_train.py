from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from perennial.data.snapshots.read import read_snapshot
from perennial.data.split import split_by_time
from perennial.digests import recipe_digest
from perennial.errors import RunTaken, TrainingError
from perennial.models.predictions import identical
from perennial.models.provenance import Provenance
from perennial.models.recorded import find_bundle
from perennial.registry.bundles import load_candidate
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.spec.reading.yaml_text import from_yaml
from perennial.training.train import CANDIDATE_RECORD_TAG, CANDIDATE_TAG, train

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"


def _runs(run: RetrainingRun) -> list[Any]:
    tracker = Tracker(run.tracking_uri)
    experiment = tracker.experiment_id(f"perennial/{run.spec.name}")
    return list(tracker.client.search_runs([experiment]))


def _models(run: RetrainingRun) -> list[Any]:
    tracker = Tracker(run.tracking_uri)
    return list(tracker.client.search_logged_models([tracker.experiment_id(f"perennial/{run.spec.name}")]))


def test_a_candidate_says_what_it_was_made_from(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(BOOSTING), rows)
    candidate = train(run, snapshot)

    made_of, split = candidate.provenance, candidate.split
    assert made_of.snapshot_digest == snapshot.digest
    assert made_of.recipe_digest == recipe_digest(run.spec)
    assert (split.train_rows, split.holdout_rows, split.unlabelled_rows) == (300, 100, 0)
    assert split.train_end < split.holdout_start
    assert split.holdout_end == snapshot.end

    (logged,) = _runs(run)
    assert (logged.info.run_id, logged.info.status) == (candidate.mlflow_run_id, "FINISHED")
    tags = logged.data.tags
    assert tags["perennial.snapshot"] == snapshot.digest
    assert Provenance.from_tags(tags) == made_of
    assert tags["perennial.recipe"] == recipe_digest(run.spec)
    assert tags["perennial.code_version"] == "under test"
    assert tags["perennial.run_id"] == "manual__1"
    assert tags["perennial.triggered_by"] == "pytest"
    assert tags["perennial.reason"] == "a test"
    assert tags["perennial.train_end"] == split.train_end.isoformat().replace("+00:00", "Z")
    assert tags["perennial.data_end"] == snapshot.end.isoformat().replace("+00:00", "Z")
    assert "scikit-learn" in tags["perennial.libraries"]
    assert "Python" in tags["perennial.system"]
    assert logged.data.params["estimator"] == BOOSTING
    assert logged.data.params["learning_rate"] == "0.1"
    assert logged.data.metrics["train_rows"] == 300
    assert logged.data.metrics["train_seconds"] > 0


def test_the_spec_is_kept_with_the_run(make_spec, rows, prepare, tmp_path):
    run, snapshot = prepare(make_spec(), rows)
    candidate = train(run, snapshot)

    path = Tracker(run.tracking_uri).client.download_artifacts(candidate.mlflow_run_id, "spec.json", str(tmp_path))
    assert ModelSpec.model_validate_json(Path(path).read_text()) == run.spec


def test_the_logged_model_predicts(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(BOOSTING), rows)
    candidate = train(run, snapshot)

    bundle = load_candidate(run, candidate.mlflow_run_id)
    holdout = split_by_time(read_snapshot(run.store, snapshot), run.spec).holdout
    right = bundle.predict(holdout).values == holdout["label"]
    assert right.mean() > 0.75
    assert bundle.manifest.baseline_scores["accuracy"] == right.mean()


@pytest.mark.parametrize("estimator", [BOOSTING, "sklearn.linear_model.LogisticRegression"])
def test_other_runs_on_the_same_snapshot_make_the_same_model(make_spec, rows, prepare, estimator):
    run, snapshot = prepare(make_spec(estimator), rows)
    said = []
    for name in ("one", "two"):
        candidate = train(replace(run, run_id=name), snapshot)
        said.append(load_candidate(run, candidate.mlflow_run_id).predict(rows))

    assert identical(*said)


def test_a_transform_and_text_labels_go_all_the_way(make_spec, rows, prepare, transform_module):
    features = {"numeric": ["x", "hour"], "transform": f"{transform_module}:hourly", "inputs": ["at", "x"]}
    spec = make_spec(BOOSTING, features=features, target={"column": "word", "positive": "late"})
    run, snapshot = prepare(spec, rows.assign(word=np.where(rows["label"] == 1, "late", "on time")))
    candidate = train(run, snapshot)

    bundle = load_candidate(run, candidate.mlflow_run_id)
    assert set(bundle.predict(rows[["at", "x"]]).values) == {"late", "on time"}
    assert bundle.manifest.labels == ("late", "on time")
    assert bundle.manifest.positive == "late"
    assert {(feature.name, feature.made_by) for feature in bundle.manifest.features} == {
        ("x", "transform"),
        ("hour", "transform"),
    }


def test_a_column_of_weights_goes_all_the_way(make_spec, rows, prepare):
    evaluation = {"holdout": {"fraction": 0.25}, "primary": "roc_auc", "weighted": True}
    spec = make_spec(model={"weights": {"column": "w"}}, evaluation=evaluation)
    heavy = rows.assign(w=np.where(rows["kind"] == "b", 0.0, 3.0))
    run, snapshot = prepare(spec, heavy)
    bundle = load_candidate(run, train(run, snapshot).mlflow_run_id)

    assert bundle.inputs == ("x", "gap", "kind")
    holdout = split_by_time(read_snapshot(run.store, snapshot), run.spec).holdout
    right = bundle.predict(holdout).values == holdout["label"]
    assert bundle.manifest.baseline_scores["accuracy"] == right[holdout["w"] > 0].mean() != right.mean()


def test_what_a_model_does_not_follow_from_makes_no_other_candidate(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(), rows)
    candidate = train(run, snapshot)

    renamed = replace(run, spec=make_spec(owner="someone else", tags=["new"], schedule={"cron": "0 6 * * 1"}))
    assert train(renamed, snapshot) == candidate


def test_the_store_records_what_may_be_loaded(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(BOOSTING), rows)
    candidate = train(run, snapshot)

    recorded = find_bundle(run.store, "late", candidate.mlflow_run_id)
    assert (recorded.digest, recorded.model_uri) == (candidate.bundle_digest, candidate.model_uri)
    manifest = recorded.manifest
    assert (manifest.format, set(manifest.files)) == ("skops", {"model.skops"})
    assert (manifest.task, manifest.target, manifest.labels, manifest.positive) == (
        "classification",
        "label",
        (0, 1),
        1,
    )
    assert manifest.inputs == {"x": "double", "gap": "double", "kind": "string"}
    assert [(feature.name, feature.kind) for feature in manifest.features] == [
        ("x", "numeric"),
        ("gap", "numeric"),
        ("kind", "categorical"),
    ]
    assert (manifest.split, manifest.provenance) == (candidate.split, candidate.provenance)
    assert "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor" in manifest.types
    recipe = from_yaml(manifest.recipe)["model"]
    assert recipe.items() >= {"estimator": BOOSTING, "params": {}, "seed": 0, "refit": True}.items()
    assert "trusted_types" not in recipe


def test_training_again_finds_the_candidate(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(), rows)
    candidate = train(run, snapshot)

    assert train(run, snapshot) == candidate
    assert len(_runs(run)) == 1


@pytest.mark.parametrize("value", ["{", '{"mlflow_run_id": 1}', "x"])
def test_a_finished_candidate_whose_tag_was_changed_is_trained_again(make_spec, rows, prepare, value, caplog):
    run, snapshot = prepare(make_spec(), rows)
    first = train(run, snapshot)
    Tracker(run.tracking_uri).client.set_tag(first.mlflow_run_id, CANDIDATE_RECORD_TAG, value)

    second = train(run, snapshot)
    assert second.mlflow_run_id != first.mlflow_run_id
    assert second.split == first.split
    assert f"MLflow run {first.mlflow_run_id} cannot be read" in caplog.text


def test_an_attempt_killed_before_the_code_was_changed_is_cleared_away_too(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(), rows)
    tracker = Tracker(run.tracking_uri)
    experiment = tracker.experiment_id("perennial/late")
    tracker.start_run(experiment, "killed", {"perennial.run_id": run.run_id, CANDIDATE_TAG: "of other code"})
    unrelated = tracker.start_run(experiment, "other", {"perennial.run_id": "other's", CANDIDATE_TAG: "x"})

    assert {logged.info.run_id for logged in _runs(run)} > {unrelated}
    candidate = train(run, snapshot)
    assert {logged.info.run_id for logged in _runs(run)} == {unrelated, candidate.mlflow_run_id}


def test_another_run_or_spec_makes_another_candidate(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(), rows)
    made = {
        train(changed, snapshot).mlflow_run_id
        for changed in (run, replace(run, run_id="manual__2"), replace(run, spec=make_spec(model={"seed": 1})))
    }

    assert len(made) == len(_runs(run)) == 3


@pytest.mark.parametrize(
    ("changes", "estimator", "params", "said"),
    [
        ({"label": 1}, BOOSTING, {}, "target 'label' has one class only in the 300 training rows: 1"),
        ({"gap": np.nan}, BOOSTING, {}, "feature 'gap' has no value in any of the 300 training rows"),
        ({"gap": np.inf}, BOOSTING, {}, "feature 'gap' has no value"),
    ],
)
def test_rows_that_cannot_be_learnt_from_are_named_before_anything_is_logged(
    make_spec, rows, prepare, changes, estimator, params, said
):
    run, snapshot = prepare(make_spec(estimator, model={"params": params}), rows.assign(**changes))

    with pytest.raises(TrainingError, match=said):
        train(run, snapshot)
    assert _runs(run) == []


def test_too_few_rows_are_refused(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(), rows.head(12))

    with pytest.raises(TrainingError, match="9 labelled rows are left to train on"):
        train(run, snapshot)


def test_an_estimator_that_fails_in_fit_is_named_and_its_run_is_marked(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(BOOSTING, model={"params": {"learning_rate": -1}}), rows)

    said = f"{BOOSTING} failed in fit on 300 rows: InvalidParameterError: .*learning_rate"
    with pytest.raises(TrainingError, match=said):
        train(run, snapshot)
    (logged,) = _runs(run)
    assert logged.info.status == "FAILED"
    assert _models(run) == []


def test_progress_and_what_counts_as_missing_are_logged(make_spec, rows, prepare, caplog):
    run, snapshot = prepare(make_spec(), rows)
    with caplog.at_level(logging.INFO, logger="perennial"):
        train(run, snapshot)

    assert "300 rows to train on, 100 held out, 0 without a label" in caplog.text
    assert "feature gap: 33 values missing, 6 infinite and taken as missing" in caplog.text
    assert "fitting sklearn.linear_model.LogisticRegression on 300 rows x 3 columns" in caplog.text


def test_warnings_of_the_estimator_reach_the_log(make_spec, rows, prepare, caplog):
    run, snapshot = prepare(make_spec(model={"params": {"max_iter": 1}}), rows)
    with caplog.at_level(logging.WARNING, logger="perennial"):
        train(run, snapshot)

    assert "failed to converge" in caplog.text


def test_a_run_that_someone_deleted_meanwhile_is_an_error_that_training_again_helps(
    make_spec, rows, prepare, monkeypatch
):
    run, snapshot = prepare(make_spec(), rows)
    begin = Tracker.start_run

    def begin_and_lose(tracker, *args):
        run_id = begin(tracker, *args)
        tracker.client.delete_run(run_id)
        return run_id

    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "start_run", begin_and_lose)
        with pytest.raises(RunTaken, match="deleted while this process was training for it") as raised:
            train(run, snapshot)
    assert raised.value.retryable
    train(run, snapshot)
    assert [logged.info.status for logged in _runs(run)] == ["FINISHED"]


def test_one_whose_run_was_taken_over_begins_nothing_and_ends_nothing(make_spec, rows, prepare, monkeypatch):
    run, snapshot = prepare(make_spec(), rows)
    lease = SimpleNamespace(renew=lambda: False)
    with pytest.raises(RunTaken, match="another process has taken over run manual__1"):
        train(replace(run, lease=lease), snapshot)
    assert _runs(run) == []

    lost_later = iter([True, False])
    lease = SimpleNamespace(renew=lambda: next(lost_later))
    with pytest.raises(RunTaken):
        train(replace(run, lease=lease), snapshot)
    assert [logged.info.status for logged in _runs(run)] == ["RUNNING"]
    train(run, snapshot)
    assert [logged.info.status for logged in _runs(run)] == ["FINISHED"]


@pytest.mark.crash
def test_killed_between_any_two_effects_and_retried_there_is_one_finished_candidate(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(), rows)
    trainer = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("trainer_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for effects in range(100):
        again = replace(run, run_id=f"manual__{effects}")
        job = {
            "spec": run.spec.model_dump_json(),
            "store": str(run.store.root),
            "run_id": again.run_id,
            "tracking_uri": run.tracking_uri,
            "snapshot": snapshot.model_dump_json(),
            "kill_after": effects,
        }
        trainer.stdin.write(json.dumps(job) + "\n")
        trainer.stdin.flush()
        code = int(trainer.stdout.readline())
        candidate = train(again, snapshot)

        (own,) = [logged for logged in _runs(run) if logged.data.tags["perennial.run_id"] == again.run_id]
        assert (own.info.run_id, own.info.status) == (candidate.mlflow_run_id, "FINISHED")
        assert own.data.tags[CANDIDATE_TAG]
        models = [model for model in _models(run) if model.source_run_id == own.info.run_id]
        assert [f"models:/{model.model_id}" for model in models] == [candidate.model_uri]
        if code == 0:
            break
        assert code == -9
    trainer.stdin.close()
    trainer.wait(30)

    assert effects >= 10
    assert len(_runs(run)) == len(_models(run)) == effects + 1


def metric_names(mlflow_uri: str, run_id: str) -> set[str]:
    return set(Tracker(mlflow_uri).client.get_run(run_id).data.metrics)


def test_a_training_longer_than_the_sampling_interval_logs_what_it_takes_of_the_machine(
    prepare, make_spec, rows, mlflow_uri, monkeypatch
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    run, snapshot = prepare(make_spec(BOOSTING, model={"params": {"max_iter": 300, "early_stopping": False}}), rows)

    candidate = train(run, snapshot)

    logged = metric_names(mlflow_uri, candidate.mlflow_run_id)
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= logged
    assert "train_seconds" in logged


def test_without_the_setting_no_system_metrics_are_logged(prepare, make_spec, rows, mlflow_uri, monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", raising=False)
    run, snapshot = prepare(make_spec(), rows)

    candidate = train(run, snapshot)

    assert not [name for name in metric_names(mlflow_uri, candidate.mlflow_run_id) if name.startswith("system/")]
