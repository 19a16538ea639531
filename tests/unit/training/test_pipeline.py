from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from perennial.errors import TrainingError
from perennial.training.pipeline import build_pipeline

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"
CLASSIFIERS = [
    BOOSTING,
    LOGISTIC,
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.ensemble.GradientBoostingClassifier",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.neighbors.KNeighborsClassifier",
]


@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_every_kind_of_classifier_learns_in_spite_of_gaps_and_infinity(make_spec, rows, estimator):
    model = build_pipeline(make_spec(estimator)).fit(rows.head(300), rows["label"].head(300))

    assert roc_auc_score(rows["label"].tail(100), model.predict_proba(rows.tail(100))[:, 1]) > 0.85


def test_a_regressor_learns(make_spec, rows):
    spec = make_spec("sklearn.linear_model.Ridge", task="regression", target={"column": "amount"})
    model = build_pipeline(spec).fit(rows.head(300), rows["amount"].head(300))

    assert r2_score(rows["amount"].tail(100), model.predict(rows.tail(100))) > 0.7


@pytest.mark.parametrize("estimator", [BOOSTING, LOGISTIC, "sklearn.ensemble.RandomForestClassifier"])
def test_the_same_inputs_give_the_same_predictions(make_spec, rows, estimator):
    spec = make_spec(estimator, model={"seed": 5})
    first, second = (build_pipeline(spec).fit(rows, rows["label"]) for _ in range(2))

    np.testing.assert_array_equal(first.predict_proba(rows), second.predict_proba(rows))


def test_the_seed_reaches_the_estimator(make_spec):
    forest = build_pipeline(make_spec("sklearn.ensemble.RandomForestClassifier", model={"seed": 11}))

    assert forest.named_steps["estimator"].random_state == 11


@pytest.mark.parametrize("estimator", [BOOSTING, LOGISTIC])
def test_infinity_counts_as_missing(make_spec, rows, estimator):
    model = build_pipeline(make_spec(estimator)).fit(rows, rows["label"])
    missing = rows.assign(gap=rows["gap"].replace([np.inf, -np.inf], np.nan))

    np.testing.assert_array_equal(model.predict_proba(rows), model.predict_proba(missing))


@pytest.mark.parametrize("estimator", CLASSIFIERS)
@pytest.mark.parametrize("largest", [1.7e308, 1e160, 1e39])
def test_the_largest_numbers_neither_fail_a_fit_nor_a_prediction(make_spec, rows, estimator, largest):
    odd = rows.assign(gap=np.where(np.arange(len(rows)) % 50, rows["gap"], largest))
    odd.loc[1, "x"] = -largest

    for trained in (rows, odd):
        model = build_pipeline(make_spec(estimator)).fit(trained, trained["label"])
        assert np.isfinite(model.predict_proba(odd)).all()


@pytest.mark.parametrize("estimator", [BOOSTING, LOGISTIC])
def test_a_category_missing_as_none_counts_like_one_missing_as_nan(make_spec, rows, estimator):
    model = build_pipeline(make_spec(estimator)).fit(rows, rows["label"])
    as_none = rows.assign(kind=rows["kind"].astype(object).where(rows["kind"].notna(), None))

    np.testing.assert_array_equal(model.predict_proba(as_none), model.predict_proba(rows))


@pytest.mark.parametrize("estimator", [BOOSTING, LOGISTIC, "sklearn.ensemble.RandomForestClassifier"])
def test_an_unseen_category_is_scored(make_spec, rows, estimator):
    model = build_pipeline(make_spec(estimator)).fit(rows, rows["label"])

    assert np.isfinite(model.predict_proba(rows.head(5).assign(kind="new"))).all()


@pytest.mark.parametrize("params", [{}, {"max_bins": 20}])
def test_boosting_takes_more_categories_than_it_has_bins(make_spec, params):
    random = np.random.default_rng(0)
    kind = pd.Series([f"k{i}" for i in random.integers(0, 900, 4000)], dtype="str")
    rows = pd.DataFrame({"x": random.normal(size=4000), "gap": 0.0, "kind": kind, "label": 0})
    rows["label"] = (rows["kind"].str[1:].astype(int) % 2).to_numpy()

    model = build_pipeline(make_spec(BOOSTING, model={"params": params})).fit(rows, rows["label"])

    assert model.named_steps["estimator"].is_categorical_.tolist() == [False, False, True]
    assert model.score(rows, rows["label"]) > 0.5


def test_categories_that_the_spec_marks_itself_stay_as_it_marks_them(make_spec, rows):
    spec = make_spec(BOOSTING, model={"params": {"categorical_features": [0]}})

    assert build_pipeline(spec).named_steps["estimator"].categorical_features == [0]


def test_rare_categories_share_a_column(make_spec, rows):
    kinds = ["often"] * 4990 + [f"once{i}" for i in range(10)]
    rows = pd.DataFrame({"x": range(5000), "gap": 0.0, "kind": kinds, "label": [0, 1] * 2500})
    model = build_pipeline(make_spec(LOGISTIC)).fit(rows, rows["label"])

    names = model.named_steps["prepare"].get_feature_names_out()
    assert list(names) == [
        "numeric__x",
        "numeric__gap",
        "categorical__kind_often",
        "categorical__kind_infrequent_sklearn",
    ]


def test_text_labels_and_many_classes_work(make_spec, rows):
    labels = np.array(["low", "middle", "high"], dtype=object)[np.digitize(rows["amount"], [-0.5, 0.8])]
    model = build_pipeline(make_spec(BOOSTING)).fit(rows, labels)

    assert set(model.predict(rows)) == {"low", "middle", "high"}


def test_numeric_features_alone_are_enough(make_spec, rows):
    model = build_pipeline(make_spec(BOOSTING, features={"numeric": ["x"]})).fit(rows, rows["label"])

    assert list(model.named_steps["prepare"].get_feature_names_out()) == ["numeric__x"]


def test_a_transform_is_the_first_step(make_spec, rows, transform_module):
    features = {"numeric": ["x", "hour"], "transform": f"{transform_module}:hourly", "inputs": ["at", "x"]}
    model = build_pipeline(make_spec(BOOSTING, features=features)).fit(rows[["at", "x"]], rows["label"])

    assert list(model.named_steps) == ["transform", "prepare", "estimator"]
    assert model.score(rows[["at", "x"]], rows["label"]) > 0.7


@pytest.mark.parametrize(
    ("estimator", "params", "said"),
    [
        ("sklearn.linear_model.Nothing", {}, "model.estimator: sklearn.linear_model.Nothing cannot be imported"),
        ("nowhere.Classifier", {}, "model.estimator: nowhere.Classifier cannot be imported"),
        (LOGISTIC, {"colour": 1}, "model.params: .*LogisticRegression cannot be built.*colour"),
        ("sklearn.linear_model.Ridge", {}, "Ridge is not a classifier, and the spec's task is classification"),
    ],
)
def test_what_cannot_be_built_is_named(make_spec, estimator, params, said):
    with pytest.raises(TrainingError, match=said):
        build_pipeline(make_spec(estimator, model={"params": params}))
