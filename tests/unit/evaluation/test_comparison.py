"""The noise of a difference is that of its blocks, as scipy measures it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perennial.evaluation.blocks import BLOCKS, blocks_of_time
from perennial.evaluation.bootstrap import resampled_weights
from perennial.evaluation.comparison import Comparison, compare
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec

MakeSpec = Callable[..., ModelSpec]
ROWS = 1000
TIMES = np.arange(ROWS)


def probabilities(p: np.ndarray) -> Predictions:
    return Predictions((p > 0.5).astype(int), (0, 1), probabilities=np.column_stack([1 - p, p]))


def pair(seed: int) -> tuple[np.ndarray, Predictions, Predictions]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, size=ROWS)
    return truth, *(probabilities(np.clip(0.3 + 0.3 * truth + rng.normal(0, 0.2, ROWS), 0, 1)) for _ in range(2))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_of_a_mean_it_is_the_standard_error_of_the_block_means(make_spec: MakeSpec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, better, worse = np.zeros(ROWS), rng.normal(0, 1, ROWS), rng.normal(0, 1.1, ROWS)
    found = compare(make_spec("regression"), truth, Predictions(better), Predictions(worse), TIMES, metric="mae")
    means = (np.abs(worse) - np.abs(better)).reshape(BLOCKS, -1).mean(axis=1)
    expected = scipy.stats.sem(means)
    assert found.difference == pytest.approx(means.mean())
    assert found.standard_error == pytest.approx(expected, rel=0.1)
    of_pairs = scipy.stats.sem(means.reshape(5, 2).mean(axis=1))
    reach = max(expected * scipy.stats.t.ppf(0.975, 9), of_pairs * scipy.stats.t.ppf(0.975, 4))
    assert (found.low, found.high) == pytest.approx((means.mean() - reach, means.mean() + reach), abs=0.1 * reach)


def test_of_roc_auc_it_is_that_of_resamples_in_a_loop(make_spec: MakeSpec) -> None:
    truth, candidate, champion = pair(1)
    found = compare(make_spec(), truth, candidate, champion, TIMES)
    block = blocks_of_time(TIMES)
    differences = []
    for weights in resampled_weights(BLOCKS):
        rows = np.repeat(TIMES, weights[block].astype(int))
        ours, theirs = (area_by_ranks(truth[rows], said.probabilities[rows, 1]) for said in (candidate, champion))
        differences.append(ours - theirs)
    assert found.standard_error == pytest.approx(np.std(differences) * math.sqrt(10 / 9))
    assert (found.rows, found.blocks, found.reason) == (ROWS, BLOCKS, "")


def area_by_ranks(truth: np.ndarray, score: np.ndarray) -> float:
    positive = truth == 1
    above = scipy.stats.rankdata(score)[positive].sum() - positive.sum() * (positive.sum() + 1) / 2
    return above / (positive.sum() * (~positive).sum())


@pytest.mark.parametrize(("task", "metric"), [("classification", "roc_auc"), ("regression", "rmse")])
def test_above_0_the_candidate_is_better_in_either_direction(make_spec: MakeSpec, task: str, metric: str) -> None:
    truth, poor, _ = pair(2)
    if task == "regression":
        poor = Predictions(poor.probabilities[:, 1])
    right = Predictions(truth.astype(float)) if task == "regression" else probabilities(truth * 0.9 + 0.05)
    there = compare(make_spec(task), truth, right, poor, TIMES)
    back = compare(make_spec(task), truth, poor, right, TIMES)
    assert there.difference > there.low > 0
    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))
    assert there.metric == metric


def test_rows_that_are_hard_for_both_are_no_noise(make_spec: MakeSpec) -> None:
    hard = np.repeat(np.random.default_rng(0).normal(10, 5, BLOCKS), ROWS // BLOCKS)
    found = compare(
        make_spec("regression"), np.zeros(ROWS), Predictions(hard), Predictions(hard + 1), TIMES, metric="mae"
    )
    assert found.difference == pytest.approx(1)
    assert found.standard_error == pytest.approx(0, abs=1e-9)


def test_the_noise_is_that_of_entities_where_these_vary_more(make_spec: MakeSpec) -> None:
    rng = np.random.default_rng(3)
    entity = rng.integers(0, 40, size=ROWS)
    of_entity = rng.normal(0, 1, 40)[entity]
    spec, nothing = make_spec("regression"), np.zeros(ROWS)
    ours = Predictions(np.abs(5 + of_entity + rng.normal(0, 0.1, ROWS)))
    theirs = Predictions(np.full(ROWS, 5.0))
    by_time = compare(spec, nothing, ours, theirs, TIMES, metric="mae")
    by_entity = compare(spec, nothing, ours, theirs, TIMES, metric="mae", entity=entity)
    assert by_entity.standard_error > 2 * by_time.standard_error
    shop = np.where(entity % 2, "north", "south")
    assert compare(spec, nothing, ours, theirs, TIMES, metric="mae", entity=shop) == by_time


def test_a_class_in_too_few_blocks_leaves_the_noise_unknown(make_spec: MakeSpec) -> None:
    truth, candidate, champion = pair(4)
    rare = np.where(TIMES < 100, truth, 0)
    found = compare(make_spec(), rare, candidate, champion, TIMES)
    assert math.isfinite(found.difference)
    assert math.isnan(found.standard_error)
    assert found.reason.startswith("it is not defined on ")
    assert Comparison.model_validate_json(found.model_dump_json()).reason == found.reason


def test_few_moments_leave_the_noise_unknown(make_spec: MakeSpec) -> None:
    truth, candidate, champion = pair(5)
    found = compare(make_spec(), truth, candidate, champion, TIMES // 250)
    assert math.isfinite(found.difference)
    assert math.isnan(found.low)
    assert found.reason == "the rows make 4 blocks of time, and 5 are needed"


def test_an_undefined_metric_leaves_the_difference_unknown(make_spec: MakeSpec) -> None:
    _, candidate, champion = pair(6)
    found = compare(make_spec(), np.zeros(ROWS, dtype=int), candidate, champion, TIMES)
    assert math.isnan(found.difference)
    assert found.reason == "roc_auc is undefined: every held-out row has the label 0"


def test_labels_that_one_model_alone_knows_make_the_task_one_of_many_for_both(make_spec: MakeSpec) -> None:
    truth, candidate, champion = pair(7)
    third = np.column_stack([champion.probabilities * 0.9, np.full(ROWS, 0.1)])
    wider = Predictions(champion.values, (0, 1, 2), probabilities=third)
    assert compare(make_spec(), truth, candidate, wider, TIMES).rows == ROWS
