from __future__ import annotations

import subprocess
import sys

import pytest

from perennial.linting.expectations import check_expectations
from perennial.spec import Expectation

BETWEEN = "expect_column_values_to_be_between"


def found(type, **kwargs):
    findings = check_expectations([Expectation(type=type, kwargs=kwargs)])
    return {path[2:]: f"{message} ({hint})" for path, message, hint in findings}


@pytest.mark.parametrize(
    ("type", "kwargs"),
    [
        (BETWEEN, {"column": "distance", "min_value": 0, "mostly": 0.99}),
        ("expect_column_values_to_be_in_set", {"column": "carrier", "value_set": ["AA", "UA"]}),
        ("expect_table_row_count_to_be_between", {"min_value": 10}),
        ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "a", "column_B": "b", "or_equal": True}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["a", "b"]}),
    ],
)
def test_a_good_expectation_is_not_complained_about(type, kwargs):
    assert found(type, **kwargs) == {}


@pytest.mark.parametrize(
    ("type", "kwargs", "path", "said"),
    [
        ("expect_column_values_to_be_betwen", {}, ("type",), f"(did you mean '{BETWEEN}'?)"),
        (
            BETWEEN,
            {"column": "a", "min_valu": 1},
            ("kwargs", "min_valu"),
            "has no argument 'min_valu' (did you mean 'min_value'?)",
        ),
        (BETWEEN, {"min_value": 1}, ("kwargs",), "needs the argument 'column'"),
        (BETWEEN, {"column": "a"}, ("kwargs",), "min_value and max_value cannot both be None"),
        (
            BETWEEN,
            {"column": "a", "min_value": 1, "mostly": 3},
            ("kwargs", "mostly"),
            "3: ensure this value is less than",
        ),
        (BETWEEN, {"column": "a", "min_value": "x"}, ("kwargs", "min_value"), "'x': value is not a valid float"),
    ],
)
def test_what_great_expectations_would_refuse_is_said(type, kwargs, path, said):
    problems = found(type, **kwargs)
    assert list(problems) == [path]
    assert said in problems[path]


def test_each_finding_names_its_place_in_the_list():
    good = Expectation(type="expect_column_to_exist", kwargs={"column": "a"})
    bad = Expectation(type="expect_nothing")
    assert [finding.path for finding in check_expectations([good, bad, good, bad])] == [
        ("validation", 1, "type"),
        ("validation", 3, "type"),
    ]


def test_without_expectations_great_expectations_is_not_imported():
    code = (
        "import sys; from perennial.linting.expectations import check_expectations;"
        "list(check_expectations([])); print('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
