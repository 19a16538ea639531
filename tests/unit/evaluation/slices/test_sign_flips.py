"""Probabilities of sign flips are those of their definition, and are corrected for the number of figures."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from perennial.evaluation.slices.sign_flips import adjusted_p_values

some = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6), elements=st.integers(-5, 5))


@given(some)
def test_they_are_the_share_of_flips_in_which_any_figure_is_as_low(given_: np.ndarray) -> None:
    def statistic(one: np.ndarray) -> float:
        size = float(np.sqrt((one**2).sum()))
        return float(one.sum()) / size if size else 0.0

    flips = [np.array([statistic(row * signs) for row in given_]) for signs in product((1, -1), repeat=given_.shape[1])]
    assert adjusted_p_values(given_) == pytest.approx(
        np.array([np.mean([(flip <= found + 1e-7).any() for flip in flips]) for found in flips[0]])
    )


def test_a_clear_drop_is_found_among_many_figures_of_noise() -> None:
    noise = np.random.default_rng(0).normal(size=(200, 10))
    noise[7] = -5 + 0.3 * noise[7]
    found = adjusted_p_values(noise)
    assert np.flatnonzero(found <= 0.05).tolist() == [7]


def test_copies_of_a_figure_are_not_corrected_for() -> None:
    one = np.random.default_rng(1).normal(-0.7, 1, size=(1, 10))
    assert adjusted_p_values(np.repeat(one, 50, axis=0))[0] == adjusted_p_values(one)[0]


def test_without_a_drop_one_is_found_as_rarely_as_asked() -> None:
    rng = np.random.default_rng(2)
    wrong = [adjusted_p_values(rng.normal(size=(40, 10))).min() <= 0.1 for _ in range(300)]
    # Three standard errors above the asked share.
    assert np.mean(wrong) <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 300)
