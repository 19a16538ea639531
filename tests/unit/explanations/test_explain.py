"""What a retraining says of its candidate: real snapshots, models and an MLflow on SQLite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from perennial.data.ingest import ingest
from perennial.explanations import explain as explaining
from perennial.explanations.read import read_explanations
from perennial.explanations.records import Explanations
from perennial.models.candidate import Candidate
from perennial.registry.tracking import Tracker
from perennial.retraining.evaluate import evaluate
from perennial.run import RetrainingRun
from perennial.training.train import train
from tests.unit.evaluation.retrained import Model, make_rows

FEATURES = {"numeric": ["x", "gap", "copy"], "categorical": ["kind"]}


def parts(seconds: float = 600, **others: Any) -> dict[str, Any]:
    primary = others.pop("primary", "roc_auc")
    return {
        "features": FEATURES,
        "evaluation": {"holdout": {"rows": 150}, "primary": primary, "explain": {"seconds": seconds}},
        **others,
    }


def land(model: Model, **columns: Any) -> None:
    rows = make_rows()
    rows["copy"] = (1000 * rows["x"]).astype("int64")
    rows.loc[500:503, "kind"] = "new"
    model.land(rows.assign(**columns))


def explained(run: RetrainingRun) -> tuple[Candidate, Explanations]:
    snapshot = ingest(run)
    candidate = train(run, snapshot)
    evaluate(run, snapshot, candidate)
    found = read_explanations(run.store, run.spec.name, run.run_id, candidate.mlflow_run_id)
    assert found is not None
    return candidate, found


def test_a_candidate_is_explained_beside_the_champion(model: Model) -> None:
    land(model)
    first = model.crown(model.run("first", features={"numeric": ["gap"]}, evaluation=parts()["evaluation"]))
    candidate, found = explained(model.run("second", **parts()))

    assert (found.mlflow_run_id, found.champion, found.rows) == (candidate.mlflow_run_id, "1", 150)
    assert found.left_out == ()
    # 'copy' tells the same as 'x', so both are permuted together.
    strongest = found.importances[0]
    assert strongest.features == ("x", "copy")
    assert strongest.candidate.low > 0.05
    assert strongest.champion is None
    gap = found.importance_of("gap")
    assert gap is not None
    assert gap.champion is not None
    assert gap.moved is not None
    assert gap.moved.value == pytest.approx(gap.candidate.value - gap.champion.value)
    assert abs(gap.candidate.value) < 0.03
    shares = {one.name: one.share for one in found.shap}
    assert shares["x"] + shares["copy"] > shares["kind"] > shares["gap"]
    new = {one.feature: one for one in found.unseen}["kind"]
    assert (new.found, new.share) == ("new", pytest.approx(4 / 150))
    assert first.mlflow_run_id != candidate.mlflow_run_id
    logged = Tracker(model.tracking_uri).client.list_artifacts(candidate.mlflow_run_id, "explanations")
    assert {item.path.rpartition("/")[2] for item in logged} == {
        "explanations.json", "importances.png", "dependence.png", "shap.png",
    }  # fmt: skip


def test_the_dependence_is_by_values_that_occur_also_of_whole_numbers_and_categories(model: Model) -> None:
    land(model, copy=np.tile(np.arange(6), 100))
    _, found = explained(model.run(**parts()))

    curves = {one.feature: one for one in found.dependence}
    x, kind, copy = curves["x"], curves["kind"], curves["copy"]
    assert list(x.numbers) == sorted(x.numbers)
    assert len(x.numbers) == 12
    assert list(x.curves["1"]) == sorted(x.curves["1"])
    assert copy.numbers == (0, 1, 2, 3, 4, 5)
    means = dict(zip(kind.values, kind.curves["1"], strict=True))
    assert means["b"] > means["a"] + 0.1


def test_repeated_it_finds_the_same(model: Model) -> None:
    land(model)
    boosting = {"estimator": "sklearn.ensemble.HistGradientBoostingRegressor", "params": {"max_iter": 20}}
    run = model.run(**parts(primary="rmse", model=boosting, task="regression", target={"column": "amount"}))
    snapshot, candidate, evaluation = model.judge(run)
    documents = []
    for _ in range(2):
        explaining.explain(run, snapshot, candidate, evaluation)
        documents.append(run.store.read(run.prefix + "explanations.json"))
    assert documents[0] == documents[1]
    found = read_explanations(run.store, run.spec.name, run.run_id, candidate.mlflow_run_id)
    assert found is not None
    assert found.importances[0].features == ("x", "copy")
    assert found.importances[0].candidate.low > 0
    assert found.shap_of == "the predicted number, by sampling (150 rows)"


def test_what_there_was_no_time_for_is_said(model: Model) -> None:
    land(model)
    _, found = explained(model.run(**parts(seconds=1e-9)))

    assert found.importances == found.shap == found.dependence == found.unseen == ()
    assert found.left_out == (
        "importances of x, copy; gap; kind for the candidate: the time was over",
        "values that are new in the held-out rows: the time was over",
        "SHAP values: the time was over",
    )


def test_an_estimator_that_shap_does_not_take_still_has_importances(model: Model) -> None:
    land(model)
    _, found = explained(model.run(**parts(), model={"estimator": "sklearn.neighbors.KNeighborsClassifier"}))
    assert found.importances
    assert found.dependence
    assert [one for one in found.left_out if one.startswith("SHAP values of the estimator: SHAP takes no KNeighborsC")]
    assert found.shap_of == "the probability, by sampling (150 rows)"
    shares = {one.name: one.share for one in found.shap}
    assert shares["x"] + shares["copy"] > shares["kind"]


def test_a_failure_is_said_and_ends_neither_the_retraining_nor_the_other_measurements(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(model)
    monkeypatch.setattr(explaining, "correlated_groups", lambda *_: 1 / 0)
    _, found = explained(model.run(**parts()))
    assert found.importances == found.dependence == ()
    assert found.shap
    assert found.unseen
    assert found.left_out == ("importances: ZeroDivisionError: division by zero",)


def test_a_spec_that_does_not_ask_has_no_explanations(model: Model) -> None:
    run = model.run()
    snapshot, candidate, evaluation = model.judge(run)
    assert evaluate(run, snapshot, candidate) == evaluation
    assert read_explanations(run.store, run.spec.name, run.run_id, candidate.mlflow_run_id) is None
