"""Candidate and champion are scored on the same rows, from real snapshots, models and an MLflow on SQLite."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from perennial.evaluation.evaluate import evaluate
from perennial.evaluation.records import Evaluation
from perennial.promotion.verdict import decide
from perennial.registry.bundles import load_candidate
from perennial.registry.tracking import Tracker
from perennial.store.sealed import read_record
from tests.unit.evaluation.retrained import Model, artifacts, auc_of, champion_of, holdout, make_rows


def test_a_first_candidate_is_scored_on_the_rows_that_training_kept_out(model: Model) -> None:
    run = model.run()
    snapshot, candidate, evaluation = model.judge(run)

    assert evaluation.rows == candidate.split.holdout_rows == 150
    assert evaluation.classes == ("0", "1")
    assert (evaluation.champion, evaluation.champion_is, evaluation.notes) == (None, None, ())
    expected = auc_of(run, candidate.mlflow_run_id, holdout(run, snapshot))
    assert evaluation.candidate.metrics["roc_auc"] == pytest.approx(expected)
    assert expected > 0.7


def test_metrics_plots_and_document_are_kept(model: Model) -> None:
    run = model.run()
    _, candidate, evaluation = model.judge(run)

    logged = Tracker(model.tracking_uri).client.get_run(candidate.mlflow_run_id).data.metrics
    assert {f"holdout.{name}": value for name, value in evaluation.candidate.metrics.items()}.items() <= logged.items()
    assert not any(name.startswith("champion.") for name in logged)
    assert artifacts(model.tracking_uri, candidate) == {
        "roc.png", "precision_recall.png", "calibration.png", "confusion.png", "confusion.json", "evaluation.json",
    }  # fmt: skip
    assert read_record(run.store, run.prefix + "evaluation.json", Evaluation, "") == evaluation


def test_repeated_it_measures_the_same_and_logs_nothing_twice(model: Model) -> None:
    run = model.run()
    snapshot, candidate, evaluation = model.judge(run)
    before = run.store.read(run.prefix + "evaluation.json")

    assert evaluate(run, snapshot, candidate) == evaluation

    assert run.store.read(run.prefix + "evaluation.json") == before
    client = Tracker(model.tracking_uri).client
    assert all(
        len(client.get_metric_history(candidate.mlflow_run_id, f"holdout.{name}")) == 1
        for name in evaluation.candidate.metrics
    )


def test_a_promoted_candidate_keeps_the_evaluation_that_it_was_promoted_for(model: Model) -> None:
    model.crown(model.run())
    model.land(make_rows(900))
    second = model.run("second", evaluation={"holdout": {"rows": 150}, "primary": "roc_auc", "gates": {"tolerance": 1}})
    snapshot, candidate, before = model.judge(second)
    model.crown(second)

    again = evaluate(second, snapshot, candidate)

    assert again == before
    assert champion_of(again).version == "1"


def test_the_holdout_is_that_of_the_training_whatever_the_spec_says_now(model: Model) -> None:
    run = model.run()
    snapshot, candidate, evaluation = model.judge(run)
    changed = model.run(evaluation={"holdout": {"rows": 300}, "primary": "roc_auc"})
    again = evaluate(replace(run, spec=changed.spec), snapshot, candidate)
    assert (again.rows, again.candidate) == (evaluation.rows, evaluation.candidate) == (150, evaluation.candidate)


def test_one_label_in_the_holdout_is_rejected_with_the_reason(model: Model) -> None:
    label = make_rows()["label"].to_numpy(copy=True)
    label[-200:] = 0
    model.land(make_rows(label=label))
    run = model.run()

    _, candidate, evaluation = model.judge(run)

    assert math.isnan(evaluation.candidate.metrics["roc_auc"])
    verdict = decide(evaluation, run.spec, candidate)
    assert verdict.outcome == "reject"
    assert "every row of the holdout has the label '0'" in verdict.sentence


def test_text_labels_are_scored_by_the_positive_one(model: Model) -> None:
    rows = make_rows()
    model.land(rows.assign(label=np.where(rows["label"] == 1, "late", "on time")))
    run = model.run(target={"column": "label", "positive": "late"})

    snapshot, candidate, evaluation = model.judge(run)

    assert evaluation.classes == ("late", "on time")
    held_out = holdout(run, snapshot)
    loaded = load_candidate(run, candidate.mlflow_run_id)
    guess = loaded.predict(held_out).values
    assert evaluation.candidate.metrics["accuracy"] == pytest.approx(accuracy_score(held_out["label"], guess))
    assert evaluation.candidate.metrics["roc_auc"] > 0.7


@pytest.mark.parametrize("missing", [False, True])
def test_a_regression_is_scored_by_its_own_metrics(model: Model, missing: bool) -> None:
    if missing:
        model.land(make_rows(amount=make_rows()["amount"].where(make_rows().index % 7 != 0)))
    run = model.run(
        task="regression",
        target={"column": "amount"},
        model={"estimator": "sklearn.linear_model.Ridge"},
        evaluation={"holdout": {"rows": 150}, "primary": "r2"},
    )

    snapshot, candidate, evaluation = model.judge(run)

    held_out = holdout(run, snapshot)
    loaded = load_candidate(run, candidate.mlflow_run_id)
    expected = r2_score(held_out["amount"], loaded.predict(held_out).values)
    assert evaluation.candidate.metrics["r2"] == pytest.approx(expected)
    assert evaluation.classes == ()
    assert artifacts(model.tracking_uri, candidate) == {
        "predicted_against_actual.png", "residuals.png", "evaluation.json",
    }  # fmt: skip
