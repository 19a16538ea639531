"""The chosen threshold is as good, by scikit-learn's metrics, as the best of all that tell the rows apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from perennial.training.imbalance.threshold import best_threshold

COSTS = np.array([[0.0, 1.0], [7.0, 0.5]])


def value(metric, truth, predicted, weights):
    if metric == "expected_cost":
        return -np.average(COSTS[truth.astype(int), predicted.astype(int)], weights=weights)
    if metric == "f1":
        return sk.f1_score(truth, predicted, sample_weight=weights, zero_division=0)
    function = {"accuracy": sk.accuracy_score, "balanced_accuracy": sk.balanced_accuracy_score}[metric]
    return function(truth, predicted, sample_weight=weights)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "f1", "expected_cost"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.sampled_from([3, 10, 10**6]))
def test_no_other_threshold_is_better(metric, seed, steps):
    rng = np.random.default_rng(seed)
    truth = np.append(rng.random(30) < 0.3, [True, False])
    probability = np.round(np.clip(truth * 0.2 + rng.random(32) * 0.8, 0, 1) * steps) / steps
    weights = rng.integers(1, 5, size=32).astype(float)

    found = best_threshold(metric, truth, probability, weights=weights, costs=COSTS)

    tried = [*np.unique(probability), np.nextafter(probability.max(), 2)]
    best = max(value(metric, truth, probability >= at, weights) for at in tried)
    assert value(metric, truth, probability >= found, weights) == pytest.approx(best)


def test_of_thresholds_that_are_as_good_the_one_nearest_to_one_half_is_taken():
    truth = np.array([False, True])
    assert best_threshold("f1", truth, np.array([0.1, 0.9])) == 0.5
    assert best_threshold("accuracy", truth, np.array([0.9, 0.1])) > 0.5


def test_neighbouring_numbers_are_told_apart():
    low = 0.3
    high = np.nextafter(low, 1)
    assert best_threshold("accuracy", np.array([False, True]), np.array([low, high])) == high
