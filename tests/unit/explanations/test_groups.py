"""Features that tell the same are put together, whatever their kinds; others are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from scipy.stats.contingency import association as cramers

from perennial.explanations.groups import association, basis_of, correlated_groups

ROWS = 2_000


def test_what_tells_the_same_is_one_group() -> None:
    random = np.random.default_rng(1)
    x, kind = random.normal(size=ROWS), random.choice(["a", "b", "c"], ROWS)
    frame = pd.DataFrame(
        {
            "x": x,
            "kind": kind,
            "cubed": x**3 + random.normal(scale=0.01, size=ROWS),
            "code": pd.Series(kind).map({"a": 7, "b": 1, "c": 4}),
            "renamed": pd.Series(kind).map({"a": "A", "b": "B", "c": "C"}),
            "alone": random.normal(size=ROWS),
            "constant": 1.0,
            "at": pd.date_range("2024-01-01", periods=ROWS, freq="h", tz="UTC"),
            "words": [f"order {number}" for number in range(ROWS)],
        }
    )
    frame.loc[::7, "cubed"] = np.nan

    assert correlated_groups(frame, ["words"]) == [
        ("x", "cubed"), ("kind", "code", "renamed"), ("alone",), ("constant",), ("at",), ("words",),
    ]  # fmt: skip


def test_one_feature_is_one_group() -> None:
    assert correlated_groups(pd.DataFrame({"x": [1.0, 2.0]})) == [("x",)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-1, 1))
def test_of_numbers_it_is_spearmans_correlation_but_for_chance(seed: int, slope: float) -> None:
    random = np.random.default_rng(seed)
    one = random.normal(size=500)
    other = slope * one + random.normal(size=500)
    rho = spearmanr(one, other).statistic
    expected = np.sqrt(max(0.0, (rho**2 - 1 / 499) / (1 - 1 / 499)))
    assert association(basis_of(pd.Series(one)), basis_of(pd.Series(other))) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_of_categories_it_is_cramers_v_but_for_chance(seed: int, same: float) -> None:
    random = np.random.default_rng(seed)
    one = random.choice(list("abcd"), 500)
    other = np.where(random.random(500) < same, one, random.choice(list("abc"), 500))
    v = cramers(pd.crosstab(one, other).to_numpy(), method="cramer")
    degrees = (len(set(one)) - 1) * (len(set(other)) - 1)
    most = min(len(set(one)), len(set(other))) - 1
    chance = degrees / 499
    expected = np.sqrt(max(0.0, (v**2 * most - chance) / (most - chance)))
    found = association(basis_of(pd.Series(one, dtype=object)), basis_of(pd.Series(other, dtype=object)))
    assert found == pytest.approx(expected, abs=1e-9)
