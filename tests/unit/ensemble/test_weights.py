from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perennial.ensemble.weights import normalised, performance_weights, step_towards

LOSSES = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8)
ANY_LOSSES = st.lists(st.one_of(st.floats(0, 1e300), st.just(math.nan), st.just(math.inf)), min_size=1, max_size=8)


@st.composite
def two_weightings(draw):
    size = draw(st.integers(1, 6))
    one = st.lists(st.floats(0, 1), min_size=size, max_size=size).filter(any)
    return normalised(draw(one)), normalised(draw(one))


@given(LOSSES, st.floats(0, 12))
def test_equals_the_formula_written_out(losses, exponent):
    ratios = [(min(losses) / loss) ** exponent for loss in losses]
    np.testing.assert_allclose(
        performance_weights(losses, exponent), [one / sum(ratios) for one in ratios], rtol=1e-9, atol=1e-300
    )


@given(ANY_LOSSES)
def test_whatever_the_losses_the_weights_are_shares_of_one(losses):
    weights = performance_weights(losses)
    assert weights.shape == (len(losses),)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)


@given(ANY_LOSSES)
def test_a_smaller_loss_never_weighs_less(losses):
    weights = performance_weights(losses)
    for loss, weight in zip(losses, weights, strict=True):
        for other, others_weight in zip(losses, weights, strict=True):
            if loss < other:
                assert weight >= others_weight


@given(LOSSES, st.floats(1e-6, 1e6))
def test_the_unit_of_the_loss_does_not_matter(losses, unit):
    np.testing.assert_allclose(
        performance_weights([unit * loss for loss in losses]), performance_weights(losses), rtol=1e-6, atol=1e-300
    )


@given(st.one_of(st.floats(0), st.just(math.nan), st.just(math.inf)))
def test_a_single_member_has_all_weight(loss):
    assert performance_weights([loss]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("losses", "weights"),
    [
        ([0.0, 0.0, 3.0], [0.5, 0.5, 0.0]),
        ([math.inf, 2.0], [0.0, 1.0]),
        ([math.inf, math.inf], [0.5, 0.5]),
        ([math.nan, math.nan], [0.5, 0.5]),
        ([math.nan, math.inf], [1.0, 0.0]),
        ([math.nan, 2.0, 2.0], [1 / 3, 1 / 3, 1 / 3]),
        ([1.0, 2.0], [256 / 257, 1 / 257]),
    ],
)
def test_what_cannot_be_divided_is_defined(losses, weights):
    np.testing.assert_allclose(performance_weights(losses), weights, rtol=1e-12)


@pytest.mark.parametrize(("losses", "exponent"), [([], 8), ([1.0, -0.1], 8), ([1.0], -1), ([1.0], math.nan)])
def test_what_is_no_loss_is_refused(losses, exponent):
    with pytest.raises(ValueError, match="losses"):
        performance_weights(losses, exponent)


@given(two_weightings(), st.floats(0.01, 1))
def test_a_step_goes_straight_to_the_new_weights_and_no_further_than_allowed(both, most):
    old, new = both
    stepped = step_towards(old, new, most)
    distance = np.abs(new - old).sum() / 2
    assert stepped.sum() == pytest.approx(1, abs=1e-12)
    assert np.abs(stepped - old).sum() / 2 == pytest.approx(min(most, distance), abs=1e-9)
    assert np.abs(new - stepped).sum() / 2 == pytest.approx(max(0.0, distance - most), abs=1e-9)


@given(two_weightings(), st.floats(0.05, 1))
def test_enough_steps_arrive(both, most):
    weights, new = both
    for _ in range(math.ceil(1 / most) + 1):
        weights = step_towards(weights, new, most)
    np.testing.assert_allclose(weights, new, atol=1e-9)


@pytest.mark.parametrize("most", [0, -0.1, 1.1, math.nan])
def test_a_step_of_no_length_is_refused(most):
    with pytest.raises(ValueError, match="cannot step"):
        step_towards([1.0], [1.0], most)


@given(st.lists(st.floats(0, 1e308), min_size=1, max_size=6))
def test_huge_and_tiny_weights_are_normalised(weights):
    assume(any(weights))
    assert normalised(weights).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -1.0], [math.nan], [math.inf]])
def test_what_is_no_weight_is_refused(weights):
    with pytest.raises(ValueError, match="weights should be"):
        normalised(weights)
