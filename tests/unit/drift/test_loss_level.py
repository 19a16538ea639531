"""The level of the losses, against scipy, and what is no number."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perennial.drift.loss_level import LossLevel

LOSSES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50)


@given(LOSSES, LOSSES)
def test_a_rise_is_the_mean_of_the_standard_scores(held_out, batch):
    level = LossLevel.of(held_out)
    if level is None or level.deviation < 1e-6:
        return
    expected = stats.zmap(batch, held_out).mean()
    assert level.rise(batch) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_losses_that_are_no_numbers_are_left_out():
    level = LossLevel.of([0.0, math.nan, 2.0, math.inf])
    assert level == LossLevel(mean=1.0, deviation=1.0)
    assert level.rise([3.0, math.nan]) == 2.0
    assert math.isnan(level.rise([math.nan]))


@pytest.mark.parametrize("losses", [[], [math.nan], [0.7, 0.7], np.zeros(5)])
def test_losses_that_do_not_vary_have_no_level(losses):
    assert LossLevel.of(losses) is None
