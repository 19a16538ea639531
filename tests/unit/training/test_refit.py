from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import mlflow.pyfunc
import numpy as np
import pytest

from perennial.data.snapshots.read import read_snapshot
from perennial.errors import BundleChanged, PromotionError, RunTaken, TrainingError
from perennial.models.bundle import read_bundle
from perennial.models.predictions import identical
from perennial.models.recorded import find_bundle, find_refit
from perennial.registry.bundles import fetch, load_candidate
from perennial.registry.tracking import Tracker
from perennial.training.fit import prepare_fit
from perennial.training.refit import REFIT_TAG, refit
from perennial.training.train import train
from tests.verdicts import judged

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
PROMOTED = judged("promote", "Better.")


@pytest.fixture
def refitted(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(BOOSTING), rows)
    candidate = train(run, snapshot)
    return run, snapshot, candidate, refit(run, snapshot, candidate, PROMOTED)


def bundle_of(run, candidate, folder):
    recorded = find_refit(run.store, "late", candidate.mlflow_run_id)
    return read_bundle(fetch(Tracker(run.tracking_uri), recorded.model_uri, recorded, folder), recorded, "the refit")


def models_of(run, candidate):
    tracker = Tracker(run.tracking_uri)
    experiment = tracker.experiment_id(f"perennial/{run.spec.name}")
    found = tracker.client.search_logged_models([experiment], f"source_run_id = '{candidate.mlflow_run_id}'")
    return {f"models:/{model.model_id}": str(model.status) for model in found}


def outputs_of(run, candidate):
    outputs = Tracker(run.tracking_uri).client.get_run(candidate.mlflow_run_id).outputs.model_outputs
    return sorted(f"models:/{output.model_id}" for output in outputs)


def test_the_bundle_serves_what_was_fitted_on_all_rows_and_keeps_what_was_judged(refitted, rows, tmp_path):
    run, snapshot, candidate, made = refitted
    bundle = bundle_of(run, candidate, tmp_path)

    by_hand = prepare_fit(run.spec, read_snapshot(run.store, snapshot))
    by_hand.run()
    assert identical(bundle.predict(rows), by_hand.model.predict(rows))
    judged = load_candidate(run, candidate.mlflow_run_id).predict(rows)
    assert identical(bundle.twin.predict(rows), judged)
    assert not identical(bundle.predict(rows), judged)
    assert not made.discarded


def test_the_manifest_says_of_each_model_which_rows_it_was_fitted_on(refitted):
    run, snapshot, candidate, made = refitted
    recorded = find_refit(run.store, "late", candidate.mlflow_run_id)
    served, twin = recorded.manifest.served, recorded.manifest.twin
    assert (served.rows, served.train_start, served.train_end) == (400, snapshot.start, snapshot.end)
    assert (twin.rows, twin.train_end) == (300, candidate.split.train_end)
    assert made.served == served
    assert made.sentence == (
        "After the verdict it was refit on all 400 labelled rows, up to 2024-01-17 15:00 UTC; the judged model had "
        "learnt from 300 of them, up to 2024-01-13 11:00 UTC."
    )
    tags = made.provenance.to_tags()
    assert (tags["perennial.train_end"], tags["perennial.twin_train_end"]) == (
        "2024-01-17T15:00:00Z",
        "2024-01-13T11:00:00Z",
    )
    before = find_bundle(run.store, "late", candidate.mlflow_run_id).manifest
    assert before.served == before.twin == twin
    assert recorded.manifest.baseline_scores == before.baseline_scores


def test_rows_without_a_label_are_not_learnt_from(make_spec, rows, prepare):
    rows = rows.assign(label=rows["label"].where(rows.index % 10 > 0))
    run, snapshot = prepare(make_spec(BOOSTING), rows)
    assert refit(run, snapshot, train(run, snapshot), PROMOTED).served.rows == 360


def test_mlflow_alone_loads_the_model_that_serves(refitted, rows, tmp_path):
    run, _, candidate, made = refitted
    location = (
        Tracker(run.tracking_uri).client.get_logged_model(made.model_uri.removeprefix("models:/")).artifact_location
    )
    inputs = rows[["x", "gap", "kind"]]
    served = bundle_of(run, candidate, tmp_path).predict(rows).values
    np.testing.assert_array_equal(mlflow.pyfunc.load_model(location).predict(inputs), served)


def test_called_again_it_finds_what_it_made(refitted):
    run, snapshot, candidate, made = refitted
    assert refit(run, snapshot, candidate, PROMOTED) == made
    assert models_of(run, candidate) == {candidate.model_uri: "READY", made.model_uri: "READY"}
    assert outputs_of(run, candidate) == sorted([candidate.model_uri, made.model_uri])
    tags = Tracker(run.tracking_uri).client.get_run(candidate.mlflow_run_id).data.tags
    assert tags[REFIT_TAG] == made.sentence


def test_one_changed_byte_of_the_twin_is_refused(refitted, tmp_path):
    run, _, candidate, _ = refitted
    recorded = find_refit(run.store, "late", candidate.mlflow_run_id)
    folder = fetch(Tracker(run.tracking_uri), recorded.model_uri, recorded, tmp_path)
    file = folder / "twin-model.skops"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(BundleChanged, match=r"the refit: its file twin-model\.skops"):
        read_bundle(folder, recorded, "the refit")


def test_a_refit_that_fails_to_learn_is_discarded_and_the_judged_model_serves(make_spec, rows, prepare):
    # The labels between training and holdout are off by a factor of a million: the refit is the first to see them.
    amounts = rows["amount"].where(~rows.index.isin(range(260, 290)), 1e6)
    spec = make_spec(
        "sklearn.linear_model.LinearRegression",
        task="regression",
        target={"column": "amount", "label_delay_days": 2},
        features={"numeric": ["x"]},
    )
    run, snapshot = prepare(spec, rows.assign(amount=amounts))
    candidate = train(run, snapshot)
    assert candidate.split.gap_rows > 30

    made = refit(run, snapshot, candidate, PROMOTED)

    assert made.discarded
    assert "the judged model serves: on the held-out rows, from which it has learnt, its rmse is" in made.sentence
    assert (made.model_uri, made.bundle_digest) == (candidate.model_uri, candidate.bundle_digest)
    assert (made.provenance, made.served.rows) == (candidate.provenance, candidate.split.train_rows)
    assert find_refit(run.store, "late", candidate.mlflow_run_id) is None
    assert list(models_of(run, candidate)) == [candidate.model_uri]
    assert refit(run, snapshot, candidate, PROMOTED) == made


def test_another_recipe_than_the_judged_one_is_refused(refitted, make_spec, rows, prepare):
    run, snapshot, candidate, _ = refitted
    other = replace(run, spec=make_spec(BOOSTING, model={"seed": 5}))
    run.store.delete(f"late/bundles/{candidate.mlflow_run_id}/refit.json")
    with pytest.raises(
        TrainingError, match="another features or settings of the fit: the model that would serve is not the"
    ):
        refit(other, snapshot, candidate, PROMOTED)


def test_what_is_not_promoted_is_not_refit(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(), rows)
    candidate = train(run, snapshot)
    with pytest.raises(TrainingError, match="only promoted candidates are refit: Worse"):
        refit(run, snapshot, candidate, judged("reject", "Worse."))
    with pytest.raises(PromotionError, match="a dry run, which refits nothing"):
        refit(replace(run, dry_run=True), snapshot, candidate, PROMOTED)
    lost = replace(run, lease=SimpleNamespace(renew=lambda: False))
    with pytest.raises(RunTaken):
        refit(lost, snapshot, candidate, PROMOTED)
    assert list(models_of(run, candidate)) == [candidate.model_uri]


@pytest.mark.crash
def test_killed_between_any_two_effects_and_retried_there_is_one_refit(make_spec, rows, prepare):
    run, snapshot = prepare(make_spec(), rows)
    trainer = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("trainer_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for effects in range(100):
        again = replace(run, run_id=f"manual__{effects}")
        candidate = train(again, snapshot)
        job = {
            "spec": run.spec.model_dump_json(),
            "store": str(run.store.root),
            "run_id": again.run_id,
            "tracking_uri": run.tracking_uri,
            "snapshot": snapshot.model_dump_json(),
            "candidate": candidate.model_dump(mode="json"),
            "verdict": PROMOTED.model_dump(mode="json"),
            "kill_after": effects,
        }
        trainer.stdin.write(json.dumps(job) + "\n")
        trainer.stdin.flush()
        code = int(trainer.stdout.readline())
        made = refit(again, snapshot, candidate, PROMOTED)

        assert not made.discarded
        assert models_of(again, candidate) == {candidate.model_uri: "READY", made.model_uri: "READY"}
        assert outputs_of(again, candidate) == sorted([candidate.model_uri, made.model_uri])
        assert find_refit(run.store, "late", candidate.mlflow_run_id).model_uri == made.model_uri
        if code == 0:
            break
        assert code == -9
    trainer.stdin.close()
    trainer.wait(30)
    assert effects >= 6
