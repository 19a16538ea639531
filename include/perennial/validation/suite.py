"""Build a Great Expectations suite from a spec."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import great_expectations.expectations  # noqa: F401 -- registers the expectations
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.expectations.registry import get_expectation_impl

from perennial.errors import SpecError
from perennial.linting.expectations import check_expectations
from perennial.spec.model_spec import ModelSpec
from perennial.spec.problem import dotted
from perennial.spec.validation import Expectation

POSITION = "position"
"""Under this key of its `meta`, an expectation has its place in the spec: results come back in another order."""


def build_suite(spec: ModelSpec) -> ExpectationSuite:
    """Return the suite of the spec's expectations.

    Raises
    ------
    SpecError
        If an expectation does not exist or does not take its arguments; names all that are wrong, by `validation[i]`.
    """
    findings = list(check_expectations(spec.validation))
    if findings:
        lines = (f"{dotted(path)}: {message}{f' ({hint})' if hint else ''}" for path, message, hint in findings)
        raise SpecError(f"the spec {spec.name} cannot be validated with:\n" + "\n".join(lines))
    expectations = [_expectation(item, position) for position, item in enumerate(spec.validation)]
    return ExpectationSuite(name=spec.name, expectations=expectations)


def _expectation(item: Expectation, position: int) -> Any:
    arguments = {name: _in_utc(value) if name in _BOUNDS else value for name, value in item.kwargs.items()}
    meta = {**(item.kwargs.get("meta") or {}), POSITION: position}
    # An expectation that raises is one that failed: it must not keep the others from being checked.
    return get_expectation_impl(item.type)(**{**arguments, "meta": meta, "catch_exceptions": True})


_BOUNDS = ("min_value", "max_value")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _in_utc(value: Any) -> Any:
    """Put dates and times without a zone into UTC, like a snapshot's: pandas does not compare them otherwise."""
    if isinstance(value, str) and _ISO_DATE.match(value):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value
