from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from perennial.drift import PerformanceTest, measure_performance
from perennial.errors import DataError


@pytest.fixture
def rows():
    """1,000 rows of which 80% are predicted right."""
    truth = np.tile([0, 1], 500)
    return truth, np.where(np.arange(1000) % 5 == 0, 1 - truth, truth)


@pytest.mark.parametrize(
    ("limit", "breached", "words"), [(0.7, False, "met"), (0.81, False, "not certain"), (0.85, True, "certainly not")]
)
def test_a_limit_is_breached_only_if_the_whole_interval_is_beyond_it(rows, limit, breached, words):
    found = measure_performance(*rows, metric="accuracy_score", limit=limit)
    assert found.value == 0.8
    assert found.low < 0.8 < found.high
    assert found.breached == breached
    assert found.sentence.endswith(f"at least {limit} is asked: {words}")


@pytest.mark.parametrize(("limit", "breached"), [(0.1, True), (0.19, False), (0.3, False)])
def test_less_can_be_better(rows, limit, breached):
    found = measure_performance(*rows, metric="zero_one_loss", limit=limit, greater_is_better=False)
    assert found.breached == breached


def test_the_interval_is_as_wide_as_theory_says(rows):
    found = measure_performance(*rows, metric="accuracy_score", limit=0.5, resamples=1000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 1000), rel=0.15)


def test_a_metric_may_be_a_function_and_scores_may_have_columns(rows):
    truth, predicted = rows
    named = measure_performance(truth, predicted, metric="accuracy_score", limit=0.5)
    assert measure_performance(truth, predicted, metric=accuracy_score, limit=0.5) == named
    scores = np.column_stack([1 - predicted * 0.8, predicted * 0.8])
    assert measure_performance(truth, scores, metric="log_loss", limit=9, greater_is_better=False).tested


def test_few_rows_are_not_tested(rows):
    found = measure_performance(rows[0][:50], rows[1][:50], metric="accuracy_score", limit=0.99)
    assert (found.tested, found.breached, found.value) == (False, False, None)
    assert found.reason == "50 matured rows, fewer than 100"


def test_a_metric_that_is_not_defined_is_not_tested():
    found = measure_performance(np.zeros(500), np.linspace(0, 1, 500), metric=strict_auc, limit=0.6)
    assert not found.tested
    assert "only one class" in found.reason
    rare = np.zeros(500)
    rare[0] = 1
    found = measure_performance(rare, np.linspace(0, 1, 500), metric=strict_auc, limit=0.6)
    assert not found.tested
    assert "a class is too rare" in found.reason


def strict_auc(truth, scores):
    if np.unique(truth).size < 2:
        raise ValueError("one class")
    return 0.5


def test_unknown_metrics_and_unequal_lengths_are_clear_errors(rows):
    with pytest.raises(DataError, match=r"sklearn\.metrics has no function 'acuracy'"):
        measure_performance(*rows, metric="acuracy", limit=0.5)
    with pytest.raises(DataError, match="1000 labels but 999 predictions"):
        measure_performance(rows[0], rows[1][1:], metric="accuracy_score", limit=0.5)


def test_result_survives_json(rows):
    found = measure_performance(*rows, metric="accuracy_score", limit=0.5)
    assert PerformanceTest.model_validate_json(found.model_dump_json()) == found
