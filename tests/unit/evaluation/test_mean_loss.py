from __future__ import annotations

import math

import numpy as np
import pytest

from perennial.evaluation.mean_loss import mean_loss


def test_independent_losses_have_the_textbooks_standard_error():
    rng, rows = np.random.default_rng(1), 2000
    found = [mean_loss(rng.exponential(size=rows), np.arange(rows)).standard_error for _ in range(200)]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(1 / math.sqrt(rows), rel=0.1)


def test_losses_that_hang_together_have_a_larger_one_than_rows_say():
    level = np.repeat(np.random.default_rng(2).normal(size=20), 100)
    assert mean_loss(level, np.arange(2000)).standard_error > 3 * level.std() / math.sqrt(2000)


def test_what_is_no_loss_is_left_out():
    losses, times = np.array([1.0, math.nan, 3.0, math.nan]), np.arange(4)
    found = mean_loss(losses, times)
    assert (found.rows, found.mean) == (2, 2.0)


@pytest.mark.parametrize("losses", [[], [math.nan]])
def test_no_losses_have_no_mean(losses):
    found = mean_loss(np.array(losses), np.arange(len(losses)))
    assert found.rows == 0
    assert math.isnan(found.mean)
    assert math.isnan(found.standard_error)


def test_one_moment_has_a_mean_and_no_error():
    found = mean_loss(np.array([1.0, 2.0]), np.zeros(2))
    assert found.mean == 1.5
    assert math.isnan(found.standard_error)
