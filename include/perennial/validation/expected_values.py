"""Check that the values of an expectation fit the types of its columns, and that some row could fail it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal

from perennial.spec.condition import ConditionError, read_condition
from perennial.spec.reading.finding import Finding
from perennial.spec.validation import Expectation

ReadAs = Literal["number", "time"]

_OTHER_TABLES = ("expect_query_results_to_match_comparison", "expect_table_row_count_to_equal_other_table")
_LISTS = ("value_set", "value_pairs_set", "regex_list", "like_pattern_list", "type_list")
_OF_WRITING = ("_match_regex", "_match_like_pattern", "value_lengths", "_strftime_format", "_dateutil_", "_json_")
_BOUNDED_VALUES = ("values_to_be_between", "column_min_to_be_between", "column_max_to_be_between")


def is_of_writing(expectation: Expectation) -> bool:
    """Tell whether an expectation is about how values are written; it is then checked on text."""
    return any(part in expectation.type for part in _OF_WRITING)


def is_of_bounds(expectation: Expectation) -> bool:
    """Tell whether an expectation's bounds are values of its column, and not lengths, counts or means."""
    return any(part in expectation.type for part in _BOUNDED_VALUES)


def columns_read_as(parts: Mapping[str, Any]) -> dict[str, ReadAs]:
    """Return the columns whose type the spec states, from the valid parts of a spec."""
    found: dict[str, ReadAs] = {}
    if "features" in parts:
        found.update(dict.fromkeys(parts["features"].numeric, "number"))
        found.update(dict.fromkeys(parts["features"].datetime, "time"))
    if "target" in parts and parts.get("task") == "regression":
        found[parts["target"].column] = "number"
    if "source" in parts:
        found[parts["source"].event_time] = "time"
    return found


def check_values(index: int, expectation: Expectation, read_as: Mapping[str, ReadAs]) -> Iterator[Finding]:
    """Yield arguments that make no sense, of an expectation that Great Expectations accepts."""
    path, given = ("validation", index, "kwargs"), expectation.kwargs
    if expectation.type in _OTHER_TABLES:
        yield Finding(
            ("validation", index, "type"), f"{expectation.type} queries a database, and a snapshot consists of files"
        )
    try:
        read_condition(given)
    except ConditionError as error:
        yield Finding((*path, "row_condition"), str(error))
    for name, said in _meaningless(given):
        yield Finding((*path, name), said)
    named = given.get("column")
    kind = read_as.get(named) if isinstance(named, str) else None
    if kind == "time" and is_of_writing(expectation):
        yield Finding(
            (*path, "column"), f"{named!r} is read as times, and how they are written in the source is not stored"
        )
    elif kind:
        bounds = ("min_value", "max_value") if is_of_bounds(expectation) else ()
        values = [("value_set", value) for value in _listed(given.get("value_set"))]
        values += [(name, given[name]) for name in bounds if given.get(name) is not None]
        for name, value in values:
            if not _can_be(kind, value):
                yield Finding((*path, name), f"{named!r} is read as {kind}s, and {value!r} is not one")


def _meaningless(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the arguments that all values meet or none can meet, each with what is wrong with it."""
    if given.get("mostly") == 0:
        yield "mostly", "0 lets every row fail, so the expectation always holds"
    for name in _LISTS:
        if given.get(name) == []:
            yield name, "is empty, so nothing is compared"
    least, most = given.get("min_value"), given.get("max_value")
    # Numbers in quotes and times depend on the column, so they are compared only when rows are checked.
    if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
        yield "min_value", f"{least!r} is above max_value {most!r}, so no value is between them"
    patterns = [("regex", given.get("regex")), *(("regex_list", one) for one in _listed(given.get("regex_list")))]
    for name, pattern in patterns:
        if isinstance(pattern, str) and (why := _why_not_pattern(pattern)):
            yield name, f"{pattern!r} is not a regular expression: {why}"


def _why_not_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    return ""


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _can_be(kind: ReadAs, value: Any) -> bool:
    if kind == "number":
        return isinstance(value, int | float) or (isinstance(value, str) and _is(float, value))
    return isinstance(value, date) or (isinstance(value, str) and _is(datetime.fromisoformat, value))


def _is(read: Any, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
