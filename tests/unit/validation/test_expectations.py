from __future__ import annotations

import subprocess
import sys

import pytest

from perennial.spec import Expectation
from perennial.validation.expectations import check_expectations

BETWEEN = "expect_column_values_to_be_between"


def found(type, **kwargs):
    read_as = {"distance": "number", "time": "time"}
    findings = check_expectations([Expectation(type=type, kwargs=kwargs)], read_as)
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


IN_SET = "expect_column_values_to_not_be_in_set"
REGEX = "expect_column_values_to_match_regex"


@pytest.mark.parametrize(
    ("type", "kwargs", "path", "said"),
    [
        (
            IN_SET,
            {"column": "distance", "value_set": [1, "far"]},
            ("kwargs", "value_set"),
            "is read as numbers, and 'far'",
        ),
        (
            IN_SET,
            {"column": "time", "value_set": [5]},
            ("kwargs", "value_set"),
            "'time' is read as times, and 5 is not one",
        ),
        (
            BETWEEN,
            {"column": "time", "min_value": 5},
            ("kwargs", "min_value"),
            "'time' is read as times, and 5 is not one",
        ),
        (BETWEEN, {"column": "distance", "max_value": "2013-01-04"}, ("kwargs", "max_value"), "is read as numbers"),
        (
            REGEX,
            {"column": "time", "regex": "^2013"},
            ("kwargs", "column"),
            "how they are written in the source is not stored",
        ),
        (IN_SET, {"column": "carrier", "value_set": []}, ("kwargs", "value_set"), "is empty"),
        (BETWEEN, {"column": "distance", "min_value": 1, "mostly": 0}, ("kwargs", "mostly"), "lets every row fail"),
        (
            BETWEEN,
            {"column": "distance", "min_value": 5, "max_value": 1},
            ("kwargs", "min_value"),
            "5 is above max_value 1",
        ),
        (REGEX, {"column": "carrier", "regex": "("}, ("kwargs", "regex"), "'(' is not a regular expression: missing )"),
        (
            "expect_column_values_to_match_regex_list",
            {"column": "carrier", "regex_list": ["A", "["]},
            ("kwargs", "regex_list"),
            "'[' is not a regular expression",
        ),
        (
            "expect_table_row_count_to_equal_other_table",
            {"other_table_name": "t"},
            ("type",),
            "a snapshot consists of files",
        ),
        (
            BETWEEN,
            {"column": "distance", "min_value": 1, "row_condition": "dock ==", "condition_parser": "pandas"},
            ("kwargs", "row_condition"),
            "is not a condition such as",
        ),
        (
            BETWEEN,
            {"column": "distance", "min_value": 1, "row_condition": "@x == 1", "condition_parser": "pandas"},
            ("kwargs", "row_condition"),
            "is not a condition such as",
        ),
        (
            BETWEEN,
            {"column": "distance", "min_value": 1, "row_condition": "dock == 1", "condition_parser": "spark"},
            ("kwargs", "row_condition"),
            "conditions are read by pandas",
        ),
    ],
)
def test_what_cannot_be_meant_or_cannot_fail_is_said(type, kwargs, path, said):
    problems = found(type, **kwargs)
    assert list(problems) == [path]
    assert said in problems[path]


@pytest.mark.parametrize(
    ("type", "kwargs"),
    [
        (IN_SET, {"column": "distance", "value_set": [1, "2"]}),
        (IN_SET, {"column": "time", "value_set": ["2013-01-04"]}),
        (IN_SET, {"column": "unknown", "value_set": [1, "far"]}),
        (BETWEEN, {"column": "time", "min_value": "2013-01-04T00:00:00Z"}),
        (REGEX, {"column": "distance", "regex": "^2"}),
        (BETWEEN, {"column": "distance", "min_value": 0, "row_condition": "a == 1", "condition_parser": "pandas"}),
    ],
)
def test_what_can_be_meant_is_not_complained_about(type, kwargs):
    assert found(type, **kwargs) == {}


def test_each_finding_names_its_place_in_the_list():
    good = Expectation(type="expect_column_to_exist", kwargs={"column": "a"})
    bad = Expectation(type="expect_nothing")
    assert [finding.path for finding in check_expectations([good, bad, good, bad])] == [
        ("validation", 1, "type"),
        ("validation", 3, "type"),
    ]


def test_without_expectations_great_expectations_is_not_imported():
    code = (
        "import sys; from perennial.validation.expectations import check_expectations;"
        "list(check_expectations([])); print('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
