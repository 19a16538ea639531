from __future__ import annotations

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from perennial.spec.cron import check_cron

number = st.integers(0, 62).map(str)
item = st.one_of(
    st.just("*"),
    number,
    st.sampled_from(["mon", "SUN", "jan", "Dec", "L", "?", "", "x"]),
    st.builds("{}-{}".format, number, number),
    st.builds("{}/{}".format, st.sampled_from(["*", "1-5", "3", "0-7"]), number),
)
fields = st.one_of(item, st.lists(item, min_size=1, max_size=3).map(",".join))


@given(st.lists(fields, min_size=4, max_size=6).map(" ".join))
def test_what_passes_is_understood_by_croniter_and_comes_round(expression):
    try:
        check_cron(expression)
    except ValueError:
        return
    assert croniter(expression, 0).get_next() > 0


@pytest.mark.parametrize(
    "expression",
    ["* * * * *", "0 6 * * 1", "*/15 0-6,22 1,15 jan-mar/2 MON-fri", "5/10 0 29 2 *", "0 0 31 2 1", "0 0 * * 7"],
)
def test_ordinary_expressions_pass(expression):
    assert check_cron(expression) == expression


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 6 * *", "has 4 fields"),
        ("@daily", "has 1 fields"),
        ("60 6 * * *", "'60' is not a valid minute: use 0 to 59"),
        ("0 6 * 13 *", "'13' is not a valid month"),
        ("0 6 * * mod", "'mod' is not a valid weekday"),
        ("*/0 * * * *", "the step of a minute must be 1 to 59"),
        ("0 22-2 * * *", "runs backwards"),
        ("1,,2 * * * *", "'' is not a valid minute"),
        ("0 0 31 4,6 *", "never occurs"),
        ("0 ² * * *", "is not a valid hour"),
    ],
)
def test_what_is_wrong_is_said(expression, said):
    with pytest.raises(ValueError, match=said):
        check_cron(expression)
