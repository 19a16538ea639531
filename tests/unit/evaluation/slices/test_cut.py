"""Rows are cut into slices that together are all rows, by category, by quantile, and by both."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.evaluation.slices.cut import cut


@settings(deadline=None)
@given(
    numbers=st.lists(st.none() | st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0]), min_size=2, max_size=80),
    quantiles=st.integers(2, 6),
)
def test_every_row_is_in_one_slice_of_a_column_of_numbers(numbers: list[float | None], quantiles: int) -> None:
    column = pd.Series(numbers, dtype="float64")
    slices, useless = cut(pd.DataFrame({"x": column}), [("x",)], quantiles)
    if useless:
        assert not slices
        return
    assert (np.sum([one.rows for one in slices], axis=0) == 1).all()
    for one in slices:
        inside = column[one.rows]
        if one.name == "x=missing":
            assert inside.isna().all()
        elif " to " in one.name:
            low, high = map(float, one.name.removeprefix("x=").split(" to "))
            room = 1e-3 * max(abs(low), abs(high), 1e-300)
            assert inside.between(low - room, high + room).all()


def test_quantiles_of_different_numbers_have_about_as_many_rows_each() -> None:
    slices, _ = cut(pd.DataFrame({"x": np.random.default_rng(0).exponential(size=1003)}), [("x",)], 4)
    assert len(slices) == 4
    assert {int(one.rows.sum()) for one in slices} <= {250, 251, 252}


def test_a_pair_has_a_slice_for_each_combination_that_occurs() -> None:
    rows = pd.DataFrame({"a": ["x", "x", "y", None], "b": [1, 2, 2, 2]})
    slices, _ = cut(rows, [("a", "b")], 4)
    assert {one.name: int(one.rows.sum()) for one in slices} == {
        "a=x, b=1": 1, "a=x, b=2": 1, "a=y, b=2": 1, "a=missing, b=2": 1,
    }  # fmt: skip


def test_a_constant_column_makes_no_slices_and_it_is_said_why() -> None:
    rows = pd.DataFrame({"a": ["x", "y"], "b": ["z", "z"]})
    slices, useless = cut(rows, [("a",), ("b",), ("a", "b")], 4)
    assert [one.name for one in slices] == ["a=x", "a=y"]
    (said,) = useless
    assert "'b' makes one slice of all 2 held-out rows, 'z'" in said
