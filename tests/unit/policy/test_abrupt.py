"""The most abrupt change stands out from what is usual, and is answered by the first new champion after it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from perennial.policy.abrupt import abrupt_change, days_to_answer
from perennial.policy.records import Change

START = datetime(2024, 1, 1, tzinfo=UTC)
SEEDS = st.integers(0, 2**32 - 1)


def ends(batches: int, days: float = 7) -> list[datetime]:
    return [START + timedelta(days=days) * number for number in range(batches + 1)]


def change_in(batch: int) -> Change:
    return Change(batch=batch, start=ends(26)[batch - 1], fall=0.2, limit=0.1)


@given(SEEDS, st.integers(10, 40), st.booleans(), st.data())
def test_a_step_that_dwarfs_the_noise_is_found_where_it_is(seed, batches, greater_is_better, data):
    batch = data.draw(st.integers(2, batches - 1))
    better = 1 if greater_is_better else -1
    scores = better * np.random.default_rng(seed).normal(size=batches)
    scores[batch - 1 :] -= better * 100
    found = abrupt_change(scores, ends(batches), greater_is_better=greater_is_better)
    assert found is not None
    assert (found.batch, found.start) == (batch, ends(batches)[batch - 1])
    assert found.fall == pytest.approx(better * (scores[batch - 2] - scores[batch - 1]))


@given(SEEDS, st.integers(10, 40), st.floats(0, 4))
def test_what_is_found_is_beyond_the_median_and_six_deviations_of_all_falls(seed, batches, tail):
    scores = np.random.default_rng(seed).standard_t(1 + tail, size=batches)
    falls = -np.diff(scores)
    limit = np.median(falls) + 6 * median_abs_deviation(falls)
    found = abrupt_change(scores, ends(batches), greater_is_better=True)
    assert (found is not None) == (falls[:-1].max() > max(limit, 0))
    if found is not None:
        assert (found.fall, found.limit) == (pytest.approx(falls[:-1].max()), pytest.approx(limit))


def test_noise_alone_is_seldom_taken_for_a_change():
    random = np.random.default_rng(1)
    found = [abrupt_change(random.normal(size=26), ends(26), greater_is_better=True) for _ in range(1_000)]
    assert sum(one is not None for one in found) < 40


def test_a_gradual_decline_is_not_abrupt():
    decline = np.linspace(0.9, 0.6, 26) + np.random.default_rng(2).normal(scale=0.01, size=26)
    assert abrupt_change(decline, ends(26), greater_is_better=True) is None


def test_a_rise_is_no_fall_and_what_is_undefined_or_too_little_is_no_change():
    rising = [0.5, 0.51, 0.5, 0.52, 0.5, 0.51, 0.9, 0.91, 0.9, 0.9, 0.91, 0.9]
    assert abrupt_change(rising, ends(12), greater_is_better=True) is None
    assert abrupt_change([0.9, 0.9, 0.1, 0.1], ends(4), greater_is_better=True) is None
    assert abrupt_change([math.nan] * 20, ends(20), greater_is_better=True) is None
    holes = [0.9, 0.91, math.nan, 0.9, 0.91, 0.9, 0.92, 0.9, 0.91, 0.5, math.nan, 0.5, 0.51]
    assert abrupt_change(holes, ends(13), greater_is_better=True).batch == 10


def test_the_last_batch_is_left_out_since_nobody_trains_after_it():
    scores = [0.9, 0.91, 0.9, 0.92, 0.9, 0.91, 0.9, 0.91, 0.9, 0.1]
    assert abrupt_change(scores, ends(10), greater_is_better=True) is None


@given(st.integers(1, 8), st.integers(1, 25))
def test_calendars_answer_at_their_next_training_in_the_mean_over_phases(every, batch):
    phases = [[number for number in range(1, 26) if number % every == phase] for phase in range(every)]
    waits = [min([number for number in phase if number >= batch], default=26) - (batch - 1) for phase in phases]
    answered = any(number >= batch for phase in phases for number in phase)
    found = days_to_answer(change_in(batch), phases, ends(26))
    assert found == pytest.approx(7 * np.mean(waits)) if answered else math.isnan(found)


def test_without_a_new_champion_after_it_a_change_is_not_answered():
    assert math.isnan(days_to_answer(change_in(9), [[1, 8], []], ends(26)))
    assert math.isnan(days_to_answer(None, [[1, 8]], ends(26)))
    assert days_to_answer(change_in(9), [[9], []], ends(26)) == pytest.approx((7 + 18 * 7) / 2)
