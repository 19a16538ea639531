from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from perennial.errors import TrainingError
from perennial.training.fit import prepare_fit
from perennial.training.imbalance.resampling import resample

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"


def resampling(sampler, **params):
    return {"imbalance": {"resampling": {"sampler": f"imblearn.{sampler}", "params": params}}}


@pytest.fixture
def rare(rows):
    """The rows with a quarter of the late ones."""
    late = rows.index[rows["label"] == 1]
    return rows.drop(late[np.arange(len(late)) % 4 > 0]).reset_index(drop=True)


def made_of(fit):
    """Return what the estimator is fitted on, with its labels, and what it would be without the sampler."""
    prepare = fit.model.pipeline[:-1]
    prepared = prepare.fit_transform(fit.inputs, fit.labels)
    made, labels = resample(fit.sampler, prepare, prepared, fit.labels)
    dense = [one.toarray() if hasattr(one, "toarray") else one for one in (prepared, made)]
    return *dense, labels


@pytest.mark.parametrize("estimator", [BOOSTING, LOGISTIC])
@pytest.mark.parametrize(
    "sampler", ["over_sampling.SMOTE", "over_sampling.SMOTENC", "over_sampling.RandomOverSampler",
                "under_sampling.RandomUnderSampler", "under_sampling.NearMiss", "combine.SMOTEENN"],
)  # fmt: skip
def test_the_model_that_serves_holds_no_sampler_and_is_fitted_on_balanced_rows(make_spec, rare, estimator, sampler):
    fit = prepare_fit(make_spec(estimator, model=resampling(sampler)), rare)
    fit.run()
    assert [name for name, _ in fit.model.pipeline.steps] == ["prepare", "estimator"]
    _, made, labels = made_of(fit)
    assert 0.4 < labels.mean() < 0.6
    # The estimator is fitted on these rows, and the preparation on the real ones.
    plain = prepare_fit(make_spec(estimator), rare).model.pipeline[-1]
    expected = plain.set_params(**fit.model.pipeline[-1].get_params()).fit(made, labels)
    prepared = fit.model.pipeline[:-1].transform(rare)
    np.testing.assert_array_equal(fit.model.predict(rare).probabilities, expected.predict_proba(prepared))


@pytest.mark.parametrize("estimator", [BOOSTING, LOGISTIC])
def test_a_made_row_has_one_category_that_there_is(make_spec, rare, estimator):
    fit = prepare_fit(make_spec(estimator, model=resampling("over_sampling.SMOTENC")), rare)
    real, made, labels = made_of(fit)
    assert pd.Series(labels).value_counts().nunique() == 1
    assert len(made) > len(real)
    np.testing.assert_array_equal(made[: len(real)], real)
    # The columns of `kind` come last: a, b, c and (missing).
    assert set(map(tuple, made[:, -4:])) == set(map(tuple, np.eye(4)))
    smote = prepare_fit(make_spec(estimator, model=resampling("over_sampling.SMOTE")), rare)
    assert (made_of(smote)[1][:, -4:] % 1 > 0).any()


def test_a_sampler_that_takes_missing_values_leaves_the_preparation_as_it_is(make_spec, rare):
    fit = prepare_fit(make_spec(BOOSTING, model=resampling("over_sampling.RandomOverSampler")), rare)
    real, made, _ = made_of(fit)
    assert real.shape[1] == 3
    assert np.isnan(made).any()


def test_the_same_seed_makes_the_same_model(make_spec, rare):
    said = []
    for seed in (1, 1, 2):
        fit = prepare_fit(make_spec(model={**resampling("over_sampling.SMOTENC"), "seed": seed}), rare)
        fit.run()
        said.append(fit.model.predict(rare).probabilities)
    np.testing.assert_array_equal(said[0], said[1])
    assert (said[0] != said[2]).any()


@pytest.mark.parametrize(
    ("sampler", "params"),
    [("over_sampling.SMOTE", {}), ("over_sampling.SMOTENC", {}), ("combine.SMOTETomek", {}),
     ("over_sampling.ADASYN", {}), ("over_sampling.BorderlineSMOTE", {"k_neighbors": 5})],
)  # fmt: skip
def test_fewer_rows_than_neighbours_are_told_before_the_fit(make_spec, rows, sampler, params):
    few = pd.concat([rows[rows["label"] == 0], rows[rows["label"] == 1].head(5)])
    spec = make_spec(model=resampling(sampler, **params))
    with pytest.raises(TrainingError, match=r"label 1 has 5 training rows, and \w+ looks for 5 neighbours"):
        prepare_fit(spec, few)
    prepare_fit(make_spec(model=resampling("over_sampling.SMOTE", k_neighbors=4)), few)
    prepare_fit(make_spec(model=resampling("over_sampling.RandomOverSampler")), few)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (resampling("over_sampling.SMOT"), "cannot be imported"),
        (resampling("over_sampling.SMOTE", neighbours=3), "cannot be built"),
        (resampling("metrics.make_index_balanced_accuracy"), "cannot be built|no sampler"),
        (resampling("over_sampling.SMOTE", sampling_strategy={7: 100}), "class"),
    ],
)
def test_a_sampler_that_cannot_be_is_told_before_the_fit(make_spec, rows, given, said):
    with pytest.raises(TrainingError, match=said):
        prepare_fit(make_spec(model=given), rows)


def test_mixed_columns_need_a_category(make_spec, rows):
    spec = make_spec(model=resampling("over_sampling.SMOTENC"), features={"numeric": ["x"]})
    with pytest.raises(TrainingError, match="use SMOTE"):
        prepare_fit(spec, rows)


def test_categories_that_a_step_encodes_otherwise_are_not_guessed(make_spec, rare):
    step = {"transformer": "sklearn.preprocessing.TargetEncoder", "columns": ["kind"], "params": {"cv": 3}}
    features = {"numeric": ["x", "gap"], "categorical": ["kind"], "steps": [step]}
    fit = prepare_fit(make_spec(model=resampling("over_sampling.SMOTENC"), features=features), rare)
    with pytest.raises(TrainingError, match=r"not known after features\.steps.*resample by SMOTE"):
        fit.run()
    fit = prepare_fit(make_spec(model=resampling("over_sampling.SMOTE"), features=features), rare)
    fit.run()
    assert len(fit.model.predict(rare).values) == len(rare)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"model": {**resampling("over_sampling.SMOTE"), "weights": {"half_life_days": 3}}}, "have no weight"),
        ({"model": {"imbalance": {"class_weights": "balanced", **resampling("x.Y")["imbalance"]}}}, "both balance"),
        ({"model": resampling("over_sampling.SMOTE"), "task": "regression"}, "is for classification only"),
        ({"model": resampling("over_sampling.SMOTENC", categorical_features=[1])}, "found from the preparation"),
    ],
)
def test_what_contradicts_resampling_is_refused(make_spec, parts, said):
    with pytest.raises(ValidationError, match=said):
        make_spec(**parts)
