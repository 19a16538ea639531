"""LightGBM, XGBoost and CatBoost by import path: what they are told, when they stop, and how they are kept."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import mlflow
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from perennial.data.folds import plan_folds
from perennial.errors import BundleChanged, TrainingError
from perennial.linting.estimator import check_estimator
from perennial.models.boosted import BoostedClassifier
from perennial.models.predictions import identical
from perennial.registry.bundles import load_candidate
from perennial.registry.tracking import Tracker
from perennial.spec import Model
from perennial.training.fit import prepare_fit
from perennial.training.train import train

lightgbm = pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
xgboost = pytest.importorskip("xgboost", reason="the extra boosting is not installed")

LIGHTGBM, XGBOOST, CATBOOST = "lightgbm.LGBMClassifier", "xgboost.XGBClassifier", "catboost.CatBoostClassifier"
FEW = {"n_estimators": 20, "n_jobs": 1}
FEW_OF_CATBOOST = {"iterations": 20, "thread_count": 1}
needs_catboost = pytest.mark.skipif(find_spec("catboost") is None, reason="the extra catboost is not installed")
each_library = pytest.mark.parametrize(
    ("estimator", "few"),
    [(LIGHTGBM, FEW), (XGBOOST, FEW), pytest.param(CATBOOST, FEW_OF_CATBOOST, marks=needs_catboost)],
    ids=["lightgbm", "xgboost", "catboost"],
)


def fitted(spec, rows):
    fit = prepare_fit(spec, rows)
    fit.run()
    return fit.model


def as_frame(rows):
    """The features as the libraries' own users pass them: text as categories."""
    finite = rows[["x", "gap"]].replace([np.inf, -np.inf], np.nan)
    return finite.assign(kind=rows["kind"].astype("category"))


@each_library
def test_categories_and_missing_values_are_the_library_s_own(make_spec, rows, estimator, few):
    ours = fitted(make_spec(estimator, model={"params": few, "seed": 3}), rows).predict(rows)
    given = as_frame(rows)
    if estimator == LIGHTGBM:
        own = lightgbm.LGBMClassifier(**few, random_state=3, verbosity=-1)
    elif estimator == XGBOOST:
        own = xgboost.XGBClassifier(**few, random_state=3, enable_categorical=True)
    else:
        from catboost import CatBoostClassifier

        own = CatBoostClassifier(
            **few, random_state=3, cat_features=["kind"], allow_writing_files=False, logging_level="Silent"
        )
        # It refuses categories that are missing.
        given = given.assign(kind=rows["kind"].astype("object").where(rows["kind"].notna(), "none"))
    expected = own.fit(given, rows["label"]).predict_proba(given)
    np.testing.assert_allclose(ours.probabilities, expected, rtol=1e-6, atol=1e-9)


@each_library
def test_text_labels_and_a_category_that_is_new(make_spec, rows, estimator, few):
    rows = rows.assign(word=np.where(rows["label"] == 1, "late", "on time"))
    spec = make_spec(estimator, target={"column": "word", "positive": "late"}, model={"params": few})
    model = fitted(spec, rows)
    said = model.predict(rows)
    assert said.classes == ("late", "on time")
    assert (said.values == rows["word"]).mean() > 0.8
    new, gone = (rows.head(3).assign(kind=pd.Series([kind] * 3, dtype="str")) for kind in ("never seen", None))
    assert identical(model.predict(new), model.predict(gone))


@pytest.mark.parametrize(
    ("estimator", "rounds_of", "few"),
    [
        (LIGHTGBM, "n_estimators", FEW),
        (LIGHTGBM, "num_boost_round", {"n_jobs": 1}),
        (XGBOOST, "n_estimators", FEW),
        pytest.param(CATBOOST, "iterations", FEW_OF_CATBOOST | {"learning_rate": 0.1}, marks=needs_catboost),
    ],
)
def test_rounds_stop_where_the_loss_on_the_last_fold_by_time_is_lowest(make_spec, rows, estimator, rounds_of, few):
    params = {**few, rounds_of: 150, "early_stopping_rounds": 5}
    spec = make_spec(estimator, model={"params": params, "weights": {"half_life_days": 5}})
    fit = prepare_fit(spec, rows)
    fit.run()
    rounds = fit.model.pipeline[-1].estimator.get_params()[rounds_of]
    assert 1 < rounds < 150
    assert made_rounds(fit.model) == rounds

    def with_rounds(number):
        return make_spec(estimator, model={"params": {**few, rounds_of: number}, "weights": {"half_life_days": 5}})

    last = plan_folds(rows, spec)[-1]
    losses = {}
    for n in (1, rounds, *range(rounds + 1, rounds + 6)):
        said = fitted(with_rounds(n), rows.iloc[last.train]).predict(rows.iloc[last.test]).probabilities
        truth = rows["label"].to_numpy()[last.test]
        losses[n] = np.average(-np.log(said[np.arange(len(truth)), truth]), weights=fit.weights[last.test])
    assert min(losses, key=losses.__getitem__) == rounds
    # Then it is fitted on all rows, the newest among them.
    assert identical(fitted(with_rounds(rounds), rows).predict(rows), fit.model.predict(rows))


def made_rounds(model):
    booster = model.pipeline[-1].booster_
    if model.pipeline[-1].library_ == "catboost":
        return booster.tree_count_
    return booster.num_trees() if model.pipeline[-1].library_ == "lightgbm" else booster.num_boosted_rounds()


@needs_catboost
def test_the_learning_rate_that_catboost_chose_is_kept_when_it_has_stopped(make_spec, rows):
    spec = make_spec(CATBOOST, model={"params": {"thread_count": 1, "iterations": 300, "early_stopping_rounds": 5}})
    fit = prepare_fit(spec, rows)
    fit.run()
    own = fit.model.pipeline[-1].estimator.get_params()
    # Of few rounds alone it would choose another one, and the rounds that were best would be too many.
    unasked = fitted(make_spec(CATBOOST, model={"params": {"iterations": own["iterations"]}}), rows)
    assert made_rounds(fit.model) == own["iterations"] < 300
    used = fit.model.pipeline[-1].booster_.get_all_params()["learning_rate"]
    assert used == pytest.approx(own["learning_rate"])
    assert used < unasked.pipeline[-1].booster_.get_all_params()["learning_rate"] * 0.9


@needs_catboost
def test_catboost_leaves_nothing_in_the_folder_and_says_nothing(make_spec, rows, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    params = {"iterations": 5, "allow_writing_files": True, "early_stopping_rounds": 2}
    fitted(make_spec(CATBOOST, model={"params": params}), rows)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_folds_by_time_decide_even_if_others_are_asked_for(make_spec, rows):
    params = {"n_estimators": 50, "early_stopping_rounds": 5}
    spec = make_spec(LIGHTGBM, model={"params": params}, cross_validation={"kind": "kfold", "folds": 3})
    fold = prepare_fit(spec, rows).stopping
    assert fold.train.max() < fold.test.min()


@each_library
def test_a_booster_goes_all_the_way(make_spec, rows, prepare, estimator, few, tmp_path):
    parts = {"params": few, "calibration": "sigmoid", "imbalance": {"class_weights": "balanced", "threshold": "f1"}}
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
    assert (params.get("iterations", params.get("n_estimators")), params["estimator"]) == ("20", estimator)

    mlflow.set_tracking_uri(run.tracking_uri)
    served = mlflow.pyfunc.load_model(candidate.model_uri)
    inputs = rows[["x", "gap", "kind"]]
    assert (served.predict(inputs) == bundle.predict(rows).values).all()

    (file,) = tmp_path.rglob("model.zip")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleChanged, match=r"model\.zip"):
        load_candidate(run, candidate.mlflow_run_id)


@pytest.mark.parametrize(
    ("estimator", "extra"), [(LIGHTGBM, "boosting"), (XGBOOST, "boosting"), (CATBOOST, "catboost")]
)
def test_a_library_that_is_missing_names_the_extra(make_spec, rows, monkeypatch, estimator, extra):
    monkeypatch.setitem(sys.modules, estimator.partition(".")[0], None)
    with pytest.raises(TrainingError, match=rf"pip install 'perennial\[{extra}\]'"):
        prepare_fit(make_spec(estimator), rows)
    (finding,) = check_estimator(Model(estimator=estimator), "classification", None)
    assert f"perennial[{extra}]" in finding.hint


@each_library
def test_lint_takes_boosters_and_their_early_stopping(estimator, few):
    model = Model(estimator=estimator, params={**few, "early_stopping_rounds": 5}, seed=4)
    assert list(check_estimator(model, "classification", None)) == []


@each_library
def test_numbers_are_predicted_too(make_spec, rows, estimator, few):
    regressor = estimator.replace("Classifier", "Regressor")
    spec = make_spec(regressor, task="regression", target={"column": "amount"}, model={"params": few})
    said = fitted(spec, rows).predict(rows)
    assert np.corrcoef(said.values, rows["amount"])[0, 1] > 0.9


@needs_catboost
def test_catboost_predicts_counts_as_numbers_and_not_as_their_logarithms(make_spec, rows):
    rows = rows.assign(amount=np.random.default_rng(3).poisson(np.exp(rows["x"].clip(-1, 1) + 1)).astype("float64"))
    params = {"iterations": 50, "learning_rate": 0.2, "loss_function": "Poisson"}
    spec = make_spec(
        "catboost.CatBoostRegressor", task="regression", target={"column": "amount"}, model={"params": params}
    )
    assert fitted(spec, rows).predict(rows).values.mean() == pytest.approx(rows["amount"].mean(), rel=0.1)


@needs_catboost
def test_catboost_takes_sparse_features_beside_categories():
    from catboost import CatBoostClassifier

    x = np.random.default_rng(1).integers(0, 3, (200, 3)).astype("float64")
    own = CatBoostClassifier(**FEW_OF_CATBOOST)
    dense, sparse = (BoostedClassifier(own, categories=(1,)).fit(given, x[:, 0] > 0) for given in (x, csr_array(x)))
    assert (dense.predict_proba(x) == sparse.predict_proba(csr_array(x))).all()
