"""What a `row_condition` says, in each form in which it may stand in a spec."""

from __future__ import annotations

import ast

import pytest

from perennial.spec.condition import ConditionError, read_condition


def read(condition, parser="pandas"):
    found = read_condition({"row_condition": condition, "condition_parser": parser})
    return ast.unparse(found.tree), list(found.columns.values())


def test_without_a_condition_there_is_none():
    assert read_condition({"column": "a"}) is None


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        ("dock == 1", ["dock"]),
        ("a > 1 & b.isin([1, 2]) | ~c.isnull()", ["a", "b", "c"]),
        ("`loading bay` == '`not this`' and x != 'a & b'", ["loading bay", "x"]),
        ('col("a b") >= date("2013-01-01")', ["a b"]),
        ('col("a").notnull()', ["a"]),
        ({"type": "nullity", "column": {"name": "it's"}, "is_null": True}, ["it's"]),
        ({"type": "pass_through", "pass_through_filter": "a == 1"}, ["a"]),
        (
            {
                "type": "or",
                "conditions": [
                    {"type": "comparison", "column": {"name": "a"}, "operator": "IN", "parameter": [1]},
                    {"type": "comparison", "column": {"name": "b"}, "operator": "<=", "parameter": 1},
                ],
            },
            ["a", "b"],
        ),
    ],
)
def test_its_columns_are_found(condition, columns):
    assert read(condition)[1] == columns


def test_signs_bind_as_loosely_as_words():
    assert read("a > 1 & b == 2 | c < 3")[0] == read("a > 1 and b == 2 or c < 3")[0]


@pytest.mark.parametrize(
    "condition",
    ["", "a ==", "a = 1", "@a == 1", "__import__('os')", "(" * 500 + "a" + ")" * 500, 7, [], {}, {"type": "x"},
     {"type": "comparison", "column": "a", "operator": "==", "parameter": 1}],
)  # fmt: skip
def test_what_is_no_condition_is_refused(condition):
    with pytest.raises(ConditionError):
        read(condition)
