"""Describe an expectation that does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from perennial.spec.validation import Expectation
from perennial.validation.check import Checked
from perennial.validation.records import FailedExpectation

_MOST_EXAMPLES = 5
_LONGEST_VALUE = 80
_LONGEST_ARGUMENTS = 200
_LONGEST_REASON = 300
_EXACT = 1e15


def describe(checked: Checked, *, with_values: bool = True) -> FailedExpectation:
    """Return which expectation failed, on which column, in how many rows, with examples and as a sentence.

    Without `with_values`, no value of the rows is quoted: neither examples, nor what was found, nor error messages.
    """
    expectation, figures = checked.expectation, checked.figures
    # Only expectations about rows count rows; others count, for example, distinct values.
    rows = figures.get("element_count")
    column = column_of(expectation)
    return FailedExpectation(
        type=expectation.type,
        column=column,
        unexpected_rows=figures.get("unexpected_count") if rows is not None else None,
        rows=rows,
        examples=examples_of(checked) if with_values else (),
        sentence=f"{column or 'the snapshot'}: {expectation.type}{_arguments(expectation)} "
        f"{finding(checked, with_values=with_values)}",
    )


def column_of(expectation: Expectation) -> str | None:
    """Return the columns that an expectation is about, as text; None for the whole snapshot."""
    return ", ".join(name for names in expectation.columns.values() for name in names) or None


def finding(checked: Checked, *, with_values: bool = True, examples: bool = True) -> str:
    """Return the finding about an expectation that does not hold, as a phrase that follows the expectation's name."""
    figures = checked.figures
    if checked.selects_nothing:
        return (
            f"was not checked: its row_condition selects none of the {checked.rows:,} rows. Correct the condition; if "
            "such rows may be missing, leave the expectation out, and if none may be there, expect a "
            "table_row_count_to_equal of 0"
        )
    if checked.unchecked:
        return "could not be checked" + (f": {_short(checked.unchecked, _LONGEST_REASON)}" if with_values else "")
    such_as = _such_as(examples_of(checked)) if with_values and examples else ""
    if figures.get("element_count") is not None and figures.get("unexpected_count") is not None:
        return f"does not hold in {_share(figures)}{such_as}"
    return f"does not hold{_found(figures) if with_values else ''}{such_as}"


def examples_of(checked: Checked) -> tuple[str, ...]:
    """Return a few different values for which an expectation does not hold, without missing ones."""
    values = checked.figures.get("partial_unexpected_list") or ()
    texts = dict.fromkeys(
        value_text(value) for value in values if not (pd.api.types.is_scalar(value) and pd.isna(value))
    )
    return tuple(texts)[:_MOST_EXAMPLES]


def arguments_of(expectation: Expectation) -> dict[str, str]:
    """Return an expectation's arguments as text, without the columns."""
    hidden = {*expectation.columns, "condition_parser", "meta"}
    return {name: value_text(value) for name, value in expectation.kwargs.items() if name not in hidden}


def _share(figures: Mapping[str, Any]) -> str:
    unexpected, rows, missing = (figures.get(n) or 0 for n in ("unexpected_count", "element_count", "missing_count"))
    if not rows:
        return "0 of 0 rows"
    share = f"{unexpected:,} of {rows:,} rows"
    # The share that `mostly` is compared with.
    if missing and rows > missing:
        return f"{share} ({100 * unexpected / (rows - missing):.3g}% of those with a value)"
    return f"{share} ({100 * unexpected / rows:.3g}%)"


def _found(figures: Mapping[str, Any]) -> str:
    if figures.get("observed_value") is not None:
        return f": found {value_text(figures['observed_value'])}"
    return ""


def _such_as(examples: tuple[str, ...]) -> str:
    return f", such as {', '.join(examples)}" if examples else ""


def _arguments(expectation: Expectation) -> str:
    others = ", ".join(f"{name} {value}" for name, value in arguments_of(expectation).items())
    return f" ({_short(others, _LONGEST_ARGUMENTS)})" if others else ""


def value_text(value: Any) -> str:
    """Return a value as plain text: numbers without their numpy type, times without their pandas type."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {value_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple | set):
        return "(" + _short(", ".join(value_text(item) for item in value), _LONGEST_ARGUMENTS) + ")"
    if isinstance(value, str):
        return _short(repr(value), _LONGEST_VALUE)
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < _EXACT else f"{value:.6g}"
    return _short(str(value), _LONGEST_VALUE)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
