from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import SplineTransformer, StandardScaler, TargetEncoder

from perennial.data.folds import plan_folds
from perennial.models.formats.skops_format import SkopsFormat
from perennial.models.formats.trusted_types import allowed_types, check_allowed
from perennial.models.predictions import identical
from perennial.registry.bundles import load_candidate
from perennial.training.cross_validation import cross_validate
from perennial.training.fit import prepare_fit
from perennial.training.pipeline import build_pipeline
from perennial.training.train import train

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"
ENCODER = "sklearn.preprocessing.TargetEncoder"
IMPUTER = "sklearn.impute.SimpleImputer"


def step(transformer, columns, name=None, **params):
    return {"transformer": transformer, "columns": columns, "params": params} | ({"name": name} if name else {})


@pytest.fixture
def with_steps(make_spec):
    def make(*steps, estimator=BOOSTING, numeric=("x", "gap"), categorical=("kind",), **parts):
        features = {"numeric": list(numeric), "categorical": list(categorical), "steps": list(steps)}
        return make_spec(estimator, features=features, **parts)

    return make


def made(spec, rows):
    """What the estimator gets, shape (rows, columns)."""
    pipeline = build_pipeline(spec).fit(rows, rows["label"])
    return np.asarray(pipeline[:-1].transform(rows), dtype=float)


def test_without_steps_the_preparation_is_as_it_was(make_spec, rows):
    numbers = made(make_spec(BOOSTING), rows)

    np.testing.assert_array_equal(numbers[:, 0], rows["x"])
    np.testing.assert_array_equal(numbers[:, 1], rows["gap"].replace(np.inf, np.nan))
    kinds = {"a": 0.0, "b": 1.0, "c": 2.0}
    np.testing.assert_array_equal(numbers[:, 2], rows["kind"].map(kinds))


def test_what_no_step_takes_is_prepared_as_usual_and_comes_first(with_steps, rows):
    spec = with_steps(step("sklearn.preprocessing.StandardScaler", ["x"]))
    numbers = made(spec, rows)

    np.testing.assert_array_equal(numbers[:, :2], made(with_steps(numeric=["gap"]), rows))
    np.testing.assert_allclose(numbers[:, 2], StandardScaler().fit_transform(rows[["x"]])[:, 0])
    assert build_pipeline(spec).named_steps["estimator"].categorical_features == [1]


def test_steps_that_take_results_make_what_scikit_learn_makes_by_hand(with_steps, rows):
    finite = rows[["gap"]].replace(np.inf, np.nan)
    filled = SimpleImputer().fit_transform(finite)
    splines = SplineTransformer(n_knots=4).fit_transform(filled)
    expected = PCA(n_components=2, random_state=0).fit_transform(np.column_stack([rows["x"], splines]))

    numbers = made(
        with_steps(
            step(IMPUTER, ["gap"], "full"),
            step("sklearn.preprocessing.SplineTransformer", ["full"], "curves", n_knots=4),
            step("sklearn.decomposition.PCA", ["x", "curves"], n_components=2),
            categorical=(),
        ),
        rows,
    )
    np.testing.assert_allclose(numbers, expected, atol=1e-9)


def test_a_step_that_takes_all_gets_what_the_estimator_would_have_got(with_steps, rows):
    whole = made(with_steps(estimator=LOGISTIC), rows)
    select = "sklearn.feature_selection.SelectKBest"
    chosen = made(with_steps(step(select, "all", k=2)), rows)

    assert chosen.shape == (400, 2)
    for column in chosen.T:
        assert any(np.allclose(column, other) for other in whole.T)


def test_the_seed_reaches_the_transformer_and_the_estimators_among_its_parameters(with_steps):
    forest = {"import": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 3}}
    spec = with_steps(
        step("sklearn.decomposition.PCA", ["x"]),
        step("sklearn.feature_selection.SelectFromModel", "all", "select", estimator=forest),
        model={"seed": 11},
    )
    pipeline = build_pipeline(spec)

    assert dict((n, t) for n, t, _ in pipeline["prepare"].transformers)["step_1"]["make"].random_state == 11
    assert pipeline["select"].estimator.random_state == 11
    assert pipeline["select"].estimator.n_estimators == 3


STEPS = {
    "target encoding": [step(ENCODER, ["kind"])],
    "power": [step("sklearn.preprocessing.PowerTransformer", "numeric")],
    "quantiles": [step("sklearn.preprocessing.QuantileTransformer", "numeric", n_quantiles=20)],
    "splines": [step(IMPUTER, ["gap"], "full"), step("sklearn.preprocessing.SplineTransformer", ["full"])],
    "text, then fewer columns": [
        step("sklearn.feature_extraction.text.TfidfVectorizer", ["kind"], "grams", analyzer="char"),
        step("sklearn.decomposition.TruncatedSVD", ["grams"], n_components=1),
    ],
    "hashing": [step("sklearn.feature_extraction.text.HashingVectorizer", ["kind"], n_features=16)],
    "selection": [step("sklearn.feature_selection.SelectKBest", "all", k=2)],
    "a named function": [step("sklearn.preprocessing.FunctionTransformer", ["x"], func={"import": "numpy.cbrt"})],
    "skrub's strings": [step("skrub.StringEncoder", ["kind"], n_components=2)],
    "skrub's hashes": [step("skrub.MinHashEncoder", ["kind"], n_components=4)],
}


@pytest.mark.parametrize("name", STEPS)
def test_a_saved_model_with_steps_predicts_the_same_and_needs_no_trusted_types(with_steps, rows, name, tmp_path):
    spec = with_steps(*STEPS[name], model={"params": {"max_iter": 20}})
    fit = prepare_fit(spec, rows)
    fit.run()
    types = SkopsFormat().write(fit.model, tmp_path / "model.skops")
    check_allowed(types, spec)

    read = SkopsFormat().read(tmp_path / "model.skops", allowed_types(spec))
    assert identical(read.predict(rows), fit.model.predict(rows))
    assert roc_auc_score(rows["label"], fit.model.predict(rows).probabilities[:, 1]) > 0.85


@pytest.mark.filterwarnings("ignore:`TargetEncoder")
def test_a_category_missing_as_none_is_the_same_to_a_step_as_one_missing_as_nan(with_steps, rows):
    pipeline = build_pipeline(with_steps(step(ENCODER, ["kind"]))).fit(rows, rows["label"])
    as_none = rows.assign(kind=rows["kind"].astype(object).where(rows["kind"].notna(), None))

    np.testing.assert_array_equal(pipeline.predict_proba(as_none), pipeline.predict_proba(rows))
    # Row 13 has no kind: alone, its column holds None and nothing else.
    np.testing.assert_array_equal(pipeline.predict_proba(as_none.iloc[[13]]), pipeline.predict_proba(rows.iloc[[13]]))


@pytest.fixture
def noise(rows):
    """Rows with a code that is almost unique and tells nothing of the label, which is random."""
    random = np.random.default_rng(3)
    codes = pd.Series(random.integers(0, 150, len(rows)).astype(str), dtype="str")
    return rows.assign(code=codes, label=random.integers(0, 2, len(rows)))


def test_a_target_encoder_sees_no_label_of_a_fold_that_it_is_scored_on(with_steps, noise):
    spec = with_steps(step(ENCODER, ["code"], smooth=0.0), estimator=LOGISTIC, numeric=(), categorical=["code"])
    folds = plan_folds(noise, spec)
    # What a leak would give: the encoder is fitted on the rows that are scored, too.
    leaking = TargetEncoder(smooth=0.0).fit(noise[["code"]], noise["label"])
    leaked = leaking.transform(noise[["code"]])[:, 0]
    assert min(roc_auc_score(noise["label"].iloc[fold.test], leaked[fold.test]) for fold in folds) > 0.75

    scores = cross_validate(spec, noise, folds).scores["roc_auc"].folds
    assert len(scores) == len(folds) > 2
    assert max(scores) < 0.65
    for fold in folds:
        learnt = noise.iloc[fold.train]
        fit = prepare_fit(spec, learnt)
        fit.run()
        encoder = fit.model.pipeline["prepare"].named_transformers_["step_1"]["make"]
        by_hand = TargetEncoder(smooth=0.0, random_state=0).fit(learnt[["code"]], learnt["label"])
        np.testing.assert_array_equal(encoder.encodings_[0], by_hand.encodings_[0])


def test_no_label_of_the_holdout_changes_the_model_that_is_judged_on_it(with_steps, noise, prepare):
    spec = with_steps(step(ENCODER, ["code"]), estimator=LOGISTIC, numeric=["x"], categorical=["code"])
    run, snapshot = prepare(spec, noise)
    candidate = train(run, snapshot)
    twin = load_candidate(run, candidate.mlflow_run_id).twin
    holdout = noise[noise["at"] >= candidate.split.holdout_start]
    assert len(holdout) == 100

    for learnt, is_same in ((noise[noise["at"] <= candidate.split.train_end], True), (noise, False)):
        by_hand = prepare_fit(spec, learnt)
        by_hand.run()
        assert identical(twin.predict(holdout), by_hand.model.predict(holdout)) == is_same
