"""A floor is breached only where the interval of the blocks of time lies beyond it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats

from perennial.evaluation.performance import PerformanceTest, measure_performance
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec

MakeSpec = Callable[..., ModelSpec]
ROWS = 1000
TIMES = np.arange(ROWS)
TRUTH = np.tile([0, 1], ROWS // 2)
# 80% are right, in some tenths of the time more than in others.
RIGHT = np.random.default_rng(0).random(ROWS) < np.repeat(np.tile([0.7, 0.9], 5), ROWS // 10)


def predictions(right: Any = RIGHT) -> Predictions:
    values = np.where(right, TRUTH, 1 - TRUTH)
    return Predictions(values, (0, 1), probabilities=np.column_stack([1 - values * 0.8, values * 0.8]))


def measured(make_spec: MakeSpec, limit: float, **changes: Any) -> PerformanceTest:
    given = {"truth": TRUTH, "predictions": predictions(), "times": TIMES, "metric": "accuracy", "min_rows": 100}
    return measure_performance(make_spec(), limit=limit, **{**given, **changes})


@pytest.mark.parametrize(
    ("limit", "breached", "words"), [(0.7, False, "met"), (0.83, False, "not certain"), (0.95, True, "certainly not")]
)
def test_a_limit_is_breached_only_if_the_whole_interval_is_beyond_it(
    make_spec: MakeSpec, limit: float, breached: bool, words: str
) -> None:
    found = measured(make_spec, limit)
    assert found.value == pytest.approx(RIGHT.mean())
    assert found.low < found.value < found.high
    assert found.breached == breached
    assert found.sentence.endswith(f"at least {limit} is asked: {words}")


@pytest.mark.parametrize(("limit", "breached"), [(0.01, True), (0.3, False)])
def test_less_can_be_better(make_spec: MakeSpec, limit: float, breached: bool) -> None:
    assert measured(make_spec, limit, metric="brier").breached == breached


def test_the_interval_is_that_of_the_block_means(make_spec: MakeSpec) -> None:
    found = measured(make_spec, 0.5)
    means = RIGHT.reshape(10, -1).mean(axis=1)
    of_ten = scipy.stats.sem(means) * scipy.stats.t.ppf(0.975, 9)
    of_five = scipy.stats.sem(means.reshape(5, 2).mean(axis=1)) * scipy.stats.t.ppf(0.975, 4)
    assert found.high - found.low == pytest.approx(2 * max(of_ten, of_five), rel=0.1)


def test_the_interval_is_that_of_entities_where_these_vary_more(make_spec: MakeSpec) -> None:
    rng = np.random.default_rng(1)
    machine = rng.integers(0, 40, size=ROWS)
    right = rng.random(ROWS) < rng.choice([0.2, 1.0], size=40)[machine]
    by_time = measured(make_spec, 0.5, predictions=predictions(right))
    by_machine = measured(make_spec, 0.5, predictions=predictions(right), entity=machine)
    assert by_machine.high - by_machine.low > 1.5 * (by_time.high - by_time.low)


def test_few_rows_are_not_tested(make_spec: MakeSpec) -> None:
    found = measured(make_spec, 0.99, min_rows=1001)
    assert (found.tested, found.breached, found.value) == (False, False, None)
    assert found.reason == "1000 matured rows, fewer than 1001"


def test_a_metric_that_is_not_defined_is_not_tested(make_spec: MakeSpec) -> None:
    one_class = measured(make_spec, 0.6, truth=np.zeros(ROWS, dtype=int), metric="roc_auc")
    assert not one_class.tested
    assert "every held-out row has the label 0" in one_class.reason
    rare = measured(make_spec, 0.6, truth=(TIMES == 0).astype(int), metric="roc_auc")
    assert not rare.tested
    assert "of the resamples" in rare.reason


def test_rows_of_one_moment_are_not_tested(make_spec: MakeSpec) -> None:
    assert not measured(make_spec, 0.99, times=np.zeros(ROWS)).tested


def test_result_survives_json(make_spec: MakeSpec) -> None:
    found = measured(make_spec, 0.5)
    assert PerformanceTest.model_validate_json(found.model_dump_json()) == found
