"""Contributions of blocks are those of the formulas that are known for means and areas."""

from __future__ import annotations

import numpy as np
import pytest

from perennial.evaluation.bootstrap import measure_noise
from perennial.evaluation.contributions import contributions
from perennial.evaluation.metrics import answered_rows
from perennial.evaluation.regression import Residuals
from perennial.evaluation.reweighted import reweighted
from perennial.models.predictions import Predictions

RNG = np.random.default_rng(0)
BLOCK = np.repeat(np.arange(10), [50, 20, 0, 40, 30, 60, 20, 35, 45, 0])


def test_of_a_mean_they_are_the_blocks_sums() -> None:
    errors = RNG.normal(size=len(BLOCK))
    found = contributions(reweighted("mae", Residuals(errors, np.zeros_like(errors)), BLOCK), BLOCK, 10)
    distances = np.bincount(BLOCK, weights=np.abs(errors) - 0.5, minlength=10) / len(BLOCK)
    assert found.beyond(0.5) == pytest.approx(distances, abs=1e-6)
    assert found.value == pytest.approx(np.abs(errors).mean())


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc", "log_loss", "f1"])
def test_their_interval_is_about_that_of_resampled_blocks(make_spec, metric: str) -> None:
    block, truth = np.repeat(np.arange(10), 100), RNG.integers(0, 2, size=1000)
    p = 1 / (1 + np.exp(-(truth - 0.5 + RNG.normal(size=1000))))
    said = Predictions((p > 0.5).astype(int), (0, 1), probabilities=np.column_stack([1 - p, p]))
    figure = reweighted(metric, answered_rows(make_spec(), truth, said, (0, 1)), block)
    found = contributions(figure, block, 10)
    assert found.influence.sum() == pytest.approx(0, abs=1e-6)
    interval, error = found.interval(), measure_noise(figure, 10, confidence=0.95).standard_error
    assert (interval.high - interval.low) / 2 / 2.262 == pytest.approx(error, rel=0.25)
