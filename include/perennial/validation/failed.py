"""Put an expectation that does not hold into words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from great_expectations.core.expectation_validation_result import ExpectationValidationResult

from perennial.outcomes import FailedExpectation
from perennial.spec.validation import Expectation
from perennial.validation.check import raised

_MOST_EXAMPLES = 5
_LONGEST_VALUE = 80
_LONGEST_ARGUMENTS = 200


def describe(
    expectation: Expectation, result: ExpectationValidationResult, *, with_values: bool = True
) -> FailedExpectation:
    """Return which expectation failed, on which column, in how many rows, with examples and as a sentence.

    Without values nothing is quoted that stands in the rows: neither examples nor what was found or raised instead.
    """
    figures = result.result or {}
    column = ", ".join(name for names in expectation.columns.values() for name in names) or None
    examples = _examples(figures.get("partial_unexpected_list") or ()) if with_values else ()
    # Only expectations about rows count rows; others count such things as distinct values.
    rows = figures.get("element_count")
    unexpected = figures.get("unexpected_count") if rows is not None else None
    if reason := raised(result):
        what = "could not be checked" + (f": {_short(reason, _LONGEST_ARGUMENTS)}" if with_values else "")
    elif unexpected is not None:
        what = f"does not hold in {_share(figures)}{_such_as(examples)}"
    else:
        what = f"does not hold{_found(figures) if with_values else ''}{_such_as(examples)}"
    return FailedExpectation(
        type=expectation.type,
        column=column,
        unexpected_rows=unexpected,
        rows=rows,
        examples=examples,
        sentence=f"{column or 'the snapshot'}: {expectation.type}{_arguments(expectation)} {what}",
    )


def _share(figures: dict[str, Any]) -> str:
    unexpected, rows, missing = (figures.get(n) or 0 for n in ("unexpected_count", "element_count", "missing_count"))
    if not rows:
        return "0 of 0 rows"
    share = f"{unexpected:,} of {rows:,} rows"
    # What `mostly` is compared with.
    if missing and rows > missing:
        return f"{share} ({100 * unexpected / (rows - missing):.3g}% of those with a value)"
    return f"{share} ({100 * unexpected / rows:.3g}%)"


def _found(figures: dict[str, Any]) -> str:
    if figures.get("observed_value") is not None:
        return f": found {_value(figures['observed_value'])}"
    return ""


def _such_as(examples: tuple[str, ...]) -> str:
    return f", such as {', '.join(examples)}" if examples else ""


def _examples(values: Iterable[Any]) -> tuple[str, ...]:
    # That a missing value is missing needs no example.
    texts = dict.fromkeys(_value(value) for value in values if not (pd.api.types.is_scalar(value) and pd.isna(value)))
    return tuple(texts)[:_MOST_EXAMPLES]


def _arguments(expectation: Expectation) -> str:
    others = {name: value for name, value in expectation.kwargs.items() if name not in expectation.columns}
    return (
        f" ({_short(', '.join(f'{k} {_value(v)}' for k, v in others.items()), _LONGEST_ARGUMENTS)})" if others else ""
    )


def _value(value: Any) -> str:
    """Write a value as people do: numbers without their numpy type, times without their pandas type."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple | set):
        return "(" + _short(", ".join(_value(item) for item in value), _LONGEST_ARGUMENTS) + ")"
    if isinstance(value, str):
        return _short(repr(value), _LONGEST_VALUE)
    if isinstance(value, float):
        return f"{float(value):.6g}"
    return _short(str(value), _LONGEST_VALUE)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
