"""LightGBM and XGBoost by import path: what they are told, when they stop, and how they are kept."""

from __future__ import annotations

import sys

import mlflow
import numpy as np
import pandas as pd
import pytest

from perennial.data.folds import plan_folds
from perennial.errors import BundleChanged, TrainingError
from perennial.linting.estimator import check_estimator
from perennial.models.predictions import identical
from perennial.registry.bundles import load_candidate
from perennial.registry.tracking import Tracker
from perennial.spec import Model
from perennial.training.fit import prepare_fit
from perennial.training.train import train

lightgbm = pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
xgboost = pytest.importorskip("xgboost", reason="the extra boosting is not installed")

LIGHTGBM, XGBOOST = "lightgbm.LGBMClassifier", "xgboost.XGBClassifier"
FEW = {"n_estimators": 20, "n_jobs": 1}


def fitted(spec, rows):
    fit = prepare_fit(spec, rows)
    fit.run()
    return fit.model


def as_frame(rows):
    """The features as the libraries' own users pass them: text as categories."""
    finite = rows[["x", "gap"]].replace([np.inf, -np.inf], np.nan)
    return finite.assign(kind=rows["kind"].astype("category"))


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_categories_and_missing_values_are_the_library_s_own(make_spec, rows, library):
    path = LIGHTGBM if library == "lightgbm" else XGBOOST
    ours = fitted(make_spec(path, model={"params": FEW, "seed": 3}), rows).predict(rows)
    if library == "lightgbm":
        own = lightgbm.LGBMClassifier(**FEW, random_state=3, verbosity=-1)
    else:
        own = xgboost.XGBClassifier(**FEW, random_state=3, enable_categorical=True)
    expected = own.fit(as_frame(rows), rows["label"]).predict_proba(as_frame(rows))
    np.testing.assert_allclose(ours.probabilities, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("estimator", [LIGHTGBM, XGBOOST])
def test_text_labels_and_a_category_that_is_new(make_spec, rows, estimator):
    rows = rows.assign(word=np.where(rows["label"] == 1, "late", "on time"))
    spec = make_spec(estimator, target={"column": "word", "positive": "late"}, model={"params": FEW})
    model = fitted(spec, rows)
    said = model.predict(rows)
    assert said.classes == ("late", "on time")
    assert (said.values == rows["word"]).mean() > 0.8
    new, gone = (rows.head(3).assign(kind=pd.Series([kind] * 3, dtype="str")) for kind in ("never seen", None))
    assert identical(model.predict(new), model.predict(gone))


@pytest.mark.parametrize("estimator", [LIGHTGBM, XGBOOST])
def test_rounds_stop_where_the_loss_on_the_last_fold_by_time_is_lowest(make_spec, rows, estimator):
    params = {"n_estimators": 150, "n_jobs": 1, "early_stopping_rounds": 5}
    spec = make_spec(estimator, model={"params": params, "weights": {"half_life_days": 5}})
    fit = prepare_fit(spec, rows)
    fit.run()
    rounds = fit.model.pipeline[-1].estimator.n_estimators
    booster = fit.model.pipeline[-1].booster_
    assert 1 < rounds < 150
    assert (booster.num_trees() if estimator == LIGHTGBM else booster.num_boosted_rounds()) == rounds

    last = plan_folds(rows, spec)[-1]
    losses = {}
    for n in (1, rounds, *range(rounds + 1, rounds + 6)):
        plain = make_spec(estimator, model={"params": {**FEW, "n_estimators": n}, "weights": {"half_life_days": 5}})
        said = fitted(plain, rows.iloc[last.train]).predict(rows.iloc[last.test]).probabilities
        truth = rows["label"].to_numpy()[last.test]
        losses[n] = np.average(-np.log(said[np.arange(len(truth)), truth]), weights=fit.weights[last.test])
    assert min(losses, key=losses.__getitem__) == rounds
    # Then it is fitted on all rows, the newest among them.
    whole = make_spec(estimator, model={"params": {**FEW, "n_estimators": rounds}, "weights": {"half_life_days": 5}})
    assert identical(fitted(whole, rows).predict(rows), fit.model.predict(rows))


def test_folds_by_time_decide_even_if_others_are_asked_for(make_spec, rows):
    params = {"n_estimators": 50, "early_stopping_rounds": 5}
    spec = make_spec(LIGHTGBM, model={"params": params}, cross_validation={"kind": "kfold", "folds": 3})
    fold = prepare_fit(spec, rows).stopping
    assert fold.train.max() < fold.test.min()


@pytest.mark.parametrize("estimator", [LIGHTGBM, XGBOOST])
def test_a_booster_goes_all_the_way(make_spec, rows, prepare, estimator, tmp_path):
    parts = {"params": FEW, "calibration": "sigmoid", "imbalance": {"class_weights": "balanced", "threshold": "f1"}}
    run, snapshot = prepare(make_spec(estimator, model=parts), rows)
    candidate = train(run, snapshot)

    bundle = load_candidate(run, candidate.mlflow_run_id)
    package = estimator.partition(".")[0]
    assert (bundle.manifest.format, list(bundle.manifest.files)) == ("boosted", ["model.zip"])
    assert any(name.startswith(package) for name in bundle.manifest.provenance.libraries)
    fit = prepare_fit(run.spec, rows.iloc[: candidate.split.train_rows])
    fit.run()
    assert identical(bundle.predict(rows), fit.model.predict(rows))
    params = Tracker(run.tracking_uri).client.get_run(candidate.mlflow_run_id).data.params
    assert (params["n_estimators"], params["estimator"]) == ("20", estimator)

    mlflow.set_tracking_uri(run.tracking_uri)
    served = mlflow.pyfunc.load_model(candidate.model_uri)
    inputs = rows[["x", "gap", "kind"]]
    assert (served.predict(inputs) == bundle.predict(rows).values).all()

    (file,) = tmp_path.rglob("model.zip")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleChanged, match=r"model\.zip"):
        load_candidate(run, candidate.mlflow_run_id)


def test_a_library_that_is_missing_names_the_extra(make_spec, rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(TrainingError, match=r"pip install 'perennial\[boosting\]'"):
        prepare_fit(make_spec(LIGHTGBM), rows)
    (finding,) = check_estimator(Model(estimator=LIGHTGBM), "classification", None)
    assert "perennial[boosting]" in finding.hint


def test_lint_takes_boosters_and_their_early_stopping():
    for estimator in (LIGHTGBM, XGBOOST):
        model = Model(estimator=estimator, params={"early_stopping_rounds": 5}, seed=4)
        assert list(check_estimator(model, "classification", None)) == []


@pytest.mark.parametrize("estimator", ["lightgbm.LGBMRegressor", "xgboost.XGBRegressor"])
def test_numbers_are_predicted_too(make_spec, rows, estimator):
    spec = make_spec(estimator, task="regression", target={"column": "amount"}, model={"params": FEW})
    said = fitted(spec, rows).predict(rows)
    assert np.corrcoef(said.values, rows["amount"])[0, 1] > 0.9
