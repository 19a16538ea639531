from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from perennial.data.weights import metric_weights, training_weights
from perennial.errors import DataError, TrainingError
from perennial.spec import ModelSpec
from perennial.training.fit import prepare_fit
from perennial.training.pipeline import build_pipeline

MakeSpec = Callable[..., ModelSpec]


def weighted(make_spec: MakeSpec, weights: dict[str, Any], **parts: Any) -> ModelSpec:
    return make_spec(model={"weights": weights}, **parts)


def test_a_row_a_half_life_older_than_the_newest_counts_half(make_spec, rows):
    days = pd.to_timedelta(np.arange(4.0), unit="D")
    spec = weighted(make_spec, {"half_life_days": 1})
    newest_first = pd.DataFrame({"at": rows["at"].max() - days})
    np.testing.assert_allclose(training_weights(spec, newest_first), [1, 1 / 2, 1 / 4, 1 / 8])


def test_without_weights_there_are_none(make_spec, rows):
    assert training_weights(make_spec(), rows) is None
    assert metric_weights(make_spec(), rows) is None


def test_a_row_that_weighs_two_is_as_good_as_two_and_one_that_weighs_none_is_not_there(make_spec, rows):
    spec = make_spec("sklearn.linear_model.Ridge", task="regression", target={"column": "amount"})
    spec = spec.model_copy(update={"features": spec.features.model_copy(update={"categorical": (), "numeric": ("x",)})})
    of_weights = ModelSpec.model_validate(
        spec.model_dump(exclude_unset=True) | {"model": {"estimator": spec.model.estimator, "weights": {"column": "w"}}}
    )
    rows = rows.assign(w=np.tile([0.0, 1.0, 2.0, 1.0], 100))
    fit = prepare_fit(of_weights, rows)
    fit.run()
    repeated = rows.loc[np.repeat(rows.index, rows["w"].astype(int))]
    # The preparation does not know of weights: its scale is that of the rows as they are.
    prepare = fit.model.pipeline[:-1]
    expected = build_pipeline(spec)[-1].fit(prepare.transform(repeated[["x"]]), repeated["amount"])
    np.testing.assert_allclose(fit.model.pipeline[-1].coef_, expected.coef_)
    unweighted = prepare_fit(spec, rows)
    unweighted.run()
    assert abs(unweighted.model.pipeline[-1].coef_[0] - expected.coef_[0]) > 1e-6


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_a_weight_that_is_none_ends_a_training_and_does_not_count_in_a_metric(make_spec, rows, bad):
    evaluation = {"holdout": {"fraction": 0.25}, "primary": "roc_auc", "weighted": True}
    spec = weighted(make_spec, {"column": "w"}, evaluation=evaluation)
    rows = rows.assign(w=[bad, *np.ones(399)])
    with pytest.raises(TrainingError, match=r"1 of the 400 training rows have no weight of 0 or more in 'w'"):
        prepare_fit(spec, rows)
    assert metric_weights(spec, rows).tolist() == [0.0, *np.ones(399)]
    with pytest.raises(DataError, match="these rows lack"):
        metric_weights(spec, rows.drop(columns="w"))


def test_no_weight_at_all_is_nothing_to_learn_from(make_spec, rows):
    with pytest.raises(TrainingError, match="is 0 in all 400 training rows"):
        prepare_fit(weighted(make_spec, {"column": "w"}), rows.assign(w=0.0))


def test_an_estimator_that_takes_no_weights_is_told_before_the_fit(make_spec, rows):
    spec = make_spec("sklearn.neighbors.KNeighborsClassifier", model={"weights": {"half_life_days": 3}})
    with pytest.raises(TrainingError, match="takes no sample_weight"):
        prepare_fit(spec, rows)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({}, "exactly one of column"),
        ({"column": "w", "half_life_days": 3}, "exactly one of column"),
        ({"half_life_days": 0}, "greater than 0"),
        ({"column": "label"}, "'label' is the target"),
        ({"column": "kind"}, "a categorical feature"),
    ],
)
def test_weights_that_make_no_sense_are_refused(make_spec, weights, said):
    with pytest.raises(ValidationError, match=said):
        weighted(make_spec, weights)


def test_metrics_cannot_be_weighted_by_age(make_spec):
    evaluation = {"holdout": {"fraction": 0.25}, "primary": "roc_auc", "weighted": True}
    with pytest.raises(ValidationError, match=r"set model.weights.column"):
        weighted(make_spec, {"half_life_days": 3}, evaluation=evaluation)
