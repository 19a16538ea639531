"""A metric under weights of blocks is the metric of rows that are repeated so many times, as scikit-learn computes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perennial.evaluation.metrics import answered_rows, score, task_labels
from perennial.evaluation.reweighted import reweighted
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec
from perennial.spec.metrics import CLASSIFICATION, REGRESSION

MakeSpec = Callable[..., ModelSpec]
fixed = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def answers(rng: np.random.Generator, rows: int, classes: int) -> tuple[np.ndarray, Predictions]:
    """Labels, and probabilities on a coarse grid, so that many rows tie."""
    truth = rng.integers(0, classes, size=rows)
    weight = rng.integers(1, 5, size=(rows, classes)) + 3.0 * (rng.random((rows, 1)) < 0.5) * np.eye(classes)[truth]
    probabilities = weight / weight.sum(axis=1, keepdims=True)
    return truth, Predictions(probabilities.argmax(axis=1), tuple(range(classes)), probabilities=probabilities)


def repeated(predictions: Predictions, rows: np.ndarray) -> Predictions:
    chosen = None if predictions.probabilities is None else predictions.probabilities[rows]
    return Predictions(predictions.values[rows], predictions.classes, probabilities=chosen)


def expect_as_of_repeated_rows(
    spec: ModelSpec, metric: str, truth: np.ndarray, said: Predictions, block: np.ndarray, weights: np.ndarray
) -> None:
    labels = task_labels(truth, said) if spec.task == "classification" else None
    found = reweighted(metric, answered_rows(spec, truth, said, labels), block)(weights.astype(float))
    rows = [np.repeat(np.arange(len(truth)), of_blocks[block]) for of_blocks in weights]
    expected = [
        score(spec, truth[chosen], repeated(said, chosen), labels=labels, only=metric).metrics[metric]
        for chosen in rows
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("metric", CLASSIFICATION)
@pytest.mark.parametrize("classes", [2, 4])
@fixed
@given(seed=st.integers(0, 2**32), rows=st.integers(30, 90), blocks=st.integers(1, 12))
def test_labels(make_spec: MakeSpec, metric: str, classes: int, seed: int, rows: int, blocks: int) -> None:
    rng = np.random.default_rng(seed)
    truth, said = answers(rng, rows, classes)
    block = np.arange(rows) % blocks
    weights = rng.integers(0, 4, size=(3, blocks)) + np.eye(1, blocks, dtype=int)  # no resample without any row
    expect_as_of_repeated_rows(make_spec(), metric, truth, said, block, weights)


@pytest.mark.parametrize("metric", REGRESSION)
@fixed
@given(seed=st.integers(0, 2**32), rows=st.integers(30, 90), blocks=st.integers(1, 12))
def test_numbers(make_spec: MakeSpec, metric: str, seed: int, rows: int, blocks: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(5, 1, size=rows)
    said = Predictions(truth + rng.normal(size=rows))
    block = np.arange(rows) % blocks
    weights = rng.integers(0, 4, size=(3, blocks)) + np.eye(1, blocks, dtype=int)
    expect_as_of_repeated_rows(make_spec("regression"), metric, truth, said, block, weights)


@pytest.mark.parametrize("metric", CLASSIFICATION)
@pytest.mark.parametrize("classes", [2, 4])
def test_a_rows_own_weight_counts_as_often_as_its_block_s(make_spec: MakeSpec, metric: str, classes: int) -> None:
    rng = np.random.default_rng(classes)
    truth, said = answers(rng, 60, classes)
    own, block = rng.integers(1, 4, size=60).astype(float), np.arange(60) % 5
    weights = rng.integers(0, 4, size=(3, 5)).astype(float) + np.eye(1, 5)
    labels = tuple(range(classes))
    found = reweighted(metric, answered_rows(make_spec(), truth, said, labels, own), block)(weights)
    alone = reweighted(metric, answered_rows(make_spec(), truth, said, labels), np.arange(60))
    np.testing.assert_allclose(found, alone(weights[:, block] * own), rtol=1e-9)


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc", "balanced_accuracy"])
def test_a_resample_of_one_class_has_no_value(make_spec: MakeSpec, metric: str) -> None:
    truth = np.array([0, 0, 0, 1, 0, 1])
    said = answers(np.random.default_rng(0), 6, 2)[1]
    block = np.array([0, 0, 1, 1, 2, 2])
    found = reweighted(metric, answered_rows(make_spec(), truth, said), block)(
        np.array([[3.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    )
    assert np.isnan(found).tolist() == [True, False]


def test_numbers_beyond_all_reckoning_have_no_value(make_spec: MakeSpec) -> None:
    said: Any = Predictions(np.array([1e200, 1.0, 2.0]))
    rows = answered_rows(make_spec("regression"), np.array([1.0, 1.0, 2.0]), said)
    assert np.isnan(reweighted("rmse", rows, np.arange(3))(np.ones((1, 3)))).all()
