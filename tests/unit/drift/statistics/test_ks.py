"""ks_2samp against scipy, and the cases that DRIFT-like tests get wrong: ties, NaN, inf, constants, tiny and huge samples."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from perennial.drift import KSResult, ks_2samp
from perennial.errors import DataError

tied = hnp.arrays(np.float64, st.integers(1, 80), elements=st.integers(-3, 3).map(float))
wild = hnp.arrays(np.float64, st.integers(1, 80), elements=st.floats(allow_nan=False, allow_infinity=True, width=64))


def scipy_says(reference, current):
    """D and p; p is None where scipy's own exact computation fails and it falls back on the limit, with a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = stats.ks_2samp(reference, current)
    return result.statistic, None if caught else result.pvalue


@settings(max_examples=300, deadline=None)
@given(reference=tied | wild, current=tied | wild)
def test_equals_scipy_on_any_values(reference, current):
    result = ks_2samp(reference, current)
    statistic, pvalue = scipy_says(reference, current)
    assert result.statistic == pytest.approx(statistic, abs=1e-12)
    if pvalue is not None:
        assert result.pvalue == pytest.approx(pvalue, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "m"), [(1, 1), (1, 1000), (10_000, 1), (10_000, 10_000), (10_000, 9_999), (9_000, 6_000), (300, 7_001)]
)
@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_is_exact_where_scipy_is(n, m, shift):
    rng = np.random.default_rng(n + m)
    reference, current = rng.normal(size=n), rng.normal(shift / np.sqrt(min(n, m)), size=m)
    statistic, pvalue = scipy_says(reference, current)
    result = ks_2samp(reference, current)
    assert result.statistic == pytest.approx(statistic, abs=1e-12)
    assert pvalue is not None
    assert result.pvalue == pytest.approx(pvalue, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "m"), [(20_000, 1), (20_000, 40), (1_000_000, 150), (12_000, 11_000), (10_001, 300), (300_000, 30_000)]
)
def test_follows_the_limit_where_scipy_does(n, m):
    rng = np.random.default_rng(n + m)
    for shift in np.linspace(0, 3, 7) / np.sqrt(min(n, m)):
        reference, current = rng.normal(size=n), rng.normal(shift, size=m)
        statistic, pvalue = scipy_says(reference, current)
        result = ks_2samp(reference, current)
        assert result.statistic == pytest.approx(statistic, abs=1e-12)
        assert result.pvalue == pytest.approx(pvalue, abs=1e-3)


@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
def test_heavy_ties_in_large_samples_leave_the_distance_exact(decimals):
    rng = np.random.default_rng(decimals)
    reference, current = rng.normal(size=200_000).round(decimals), rng.normal(0.01, size=30_000).round(decimals)
    assert ks_2samp(reference, current).statistic == pytest.approx(scipy_says(reference, current)[0], abs=1e-12)


def test_nan_is_left_out_and_counted():
    reference, current = np.arange(100.0), np.arange(50.0)
    result = ks_2samp(np.append(reference, [np.nan] * 7), np.append(current, np.nan))
    assert (result.statistic, result.pvalue) == (
        ks_2samp(reference, current).statistic,
        ks_2samp(reference, current).pvalue,
    )
    assert (result.n_reference, result.n_current) == (100, 50)
    assert result.note == "NaN left out: 7 of the reference, 1 of the current"


@pytest.mark.parametrize(
    ("reference", "current"), [([], [1.0]), ([1.0], []), ([np.nan, np.nan], [1.0]), ([1.0], [np.nan])]
)
def test_a_sample_without_values_is_an_error_and_not_no_drift(reference, current):
    with pytest.raises(DataError, match="has no value to compare"):
        ks_2samp(reference, current)


def test_text_is_an_error_that_names_the_sample():
    with pytest.raises(DataError, match="column 'current' is not numeric"):
        ks_2samp([1.0], ["a"])


def test_infinities_are_ranked_like_any_number():
    reference = np.array([-np.inf, 0, 1, np.inf])
    assert ks_2samp(reference, reference).statistic == 0
    assert ks_2samp(reference, [np.inf] * 4).statistic == 0.75
    assert ks_2samp([np.inf], [-np.inf]).statistic == 1


def test_a_constant_equals_itself_and_differs_from_another():
    same, other = ks_2samp([3.0] * 500, [3.0] * 100), ks_2samp([3.0] * 500, [4.0] * 100)
    assert (same.statistic, same.pvalue) == (0, 1)
    assert other.statistic == 1
    assert other.pvalue < 1e-20


def test_one_row_outside_the_reference_has_the_exact_chance_and_not_none():
    assert ks_2samp(np.arange(1000.0), [5000.0]).pvalue == pytest.approx(2 / 1001)
    assert ks_2samp(np.arange(1_000_000.0), [5e6]).pvalue == pytest.approx(2 / 1_000_001)


def test_one_wild_outlier_in_the_reference_hides_nothing():
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=50_000), rng.normal(0.3, size=5_000)
    without = ks_2samp(reference, current).statistic
    assert ks_2samp(np.append(reference, 1e12), current).statistic == pytest.approx(without, abs=1e-4)
    assert without > 0.1


def test_result_survives_json():
    result = ks_2samp([1, 2, 3], [2, 3, 4])
    assert KSResult.model_validate_json(result.model_dump_json()) == result
