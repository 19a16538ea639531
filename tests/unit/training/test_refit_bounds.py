from __future__ import annotations

import numpy as np
import pytest

from perennial.models.predictions import Predictions
from perennial.training.refit_bounds import why_unsound

ROWS = 600
TIMES = np.arange(ROWS).astype("datetime64[h]")


@pytest.fixture
def spec(make_spec):
    return make_spec("sklearn.linear_model.Ridge", task="regression")


@pytest.fixture
def truth():
    return np.random.default_rng(3).normal(size=ROWS)


def with_errors(truth, scale, seed=1):
    return Predictions(truth + np.random.default_rng(seed).normal(scale=scale, size=len(truth)))


def test_a_refit_that_knows_the_rows_better_than_its_twin_is_sound(spec, truth):
    assert why_unsound(spec, truth, with_errors(truth, 0.5), with_errors(truth, 1.0, seed=2), TIMES) == ""


def test_a_refit_that_is_worse_by_no_more_than_the_noise_is_sound(spec, truth):
    twin = with_errors(truth, 1.0)
    served = Predictions(twin.values + np.random.default_rng(5).normal(scale=0.05, size=ROWS))
    error = [float(np.sqrt(np.mean((said.values - truth) ** 2))) for said in (served, twin)]
    assert error[0] > error[1]
    assert why_unsound(spec, truth, served, twin, TIMES) == ""


def test_a_refit_that_is_worse_beyond_the_noise_is_not_and_both_figures_are_said(spec, truth):
    served, twin = with_errors(truth, 1.5), with_errors(truth, 1.0, seed=2)
    why = why_unsound(spec, truth, served, twin, TIMES)
    error = [float(np.sqrt(np.mean((said.values - truth) ** 2))) for said in (served, twin)]
    assert f"its rmse is {error[0]:.4f} and that of the model that was judged {error[1]:.4f}" in why


def test_where_the_noise_is_not_known_a_refit_must_be_no_worse_at_all(spec, truth):
    few = slice(0, 3)
    near, far = Predictions(truth[few] + 1.0), Predictions(truth[few] + 1.001)
    assert why_unsound(spec, truth[few], near, far, TIMES[few]) == ""
    assert why_unsound(spec, truth[few], near, near, TIMES[few]) == ""
    assert "its rmse is 1.0010" in why_unsound(spec, truth[few], far, near, TIMES[few])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_enough(spec, truth, value):
    served = with_errors(truth, 0.1)
    served.values[17] = value
    assert why_unsound(spec, truth, served, with_errors(truth, 1.0), TIMES) == "it predicts values that are not finite"


def test_labels_that_the_refit_alone_knows_are_scored_with_the_others(make_spec):
    random = np.random.default_rng(2)
    truth = random.choice(["a", "b"], ROWS).astype(object)
    right = (truth == "b").astype(float) * 0.8 + 0.1
    twin = Predictions(truth, ("a", "b"), np.column_stack([1 - right, right]))
    three = Predictions(truth, ("a", "b", "c"), np.column_stack([1 - right, right, np.zeros(ROWS)]))
    evaluation = {"holdout": {"fraction": 0.25}, "primary": "accuracy"}
    assert why_unsound(make_spec(evaluation=evaluation), truth, three, twin, TIMES) == ""
