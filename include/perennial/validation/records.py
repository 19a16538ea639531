"""The record that validation returns."""

from __future__ import annotations

from perennial.record import Record


class FailedExpectation(Record):
    """An expectation that did not hold."""

    type: str
    column: str | None
    unexpected_rows: int | None
    rows: int | None
    examples: tuple[str, ...]
    sentence: str


class Validation(Record):
    """Result of a validation."""

    passed: bool
    expectations: int
    failed: tuple[FailedExpectation, ...]
    data_docs_key: str
    """Key of the HTML report in the store."""
