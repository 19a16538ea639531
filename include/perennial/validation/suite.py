"""Build the expectations of Great Expectations from those of a spec, for given rows."""

from __future__ import annotations

from typing import Any

import great_expectations.expectations as gx
import pandas as pd
from great_expectations.expectations.registry import get_expectation_impl

from perennial.errors import SpecError
from perennial.spec.model_spec import ModelSpec
from perennial.spec.reading.problem import dotted
from perennial.spec.validation import Expectation
from perennial.validation.expectations import check_expectations
from perennial.validation.expected_values import columns_read_as, is_of_bounds, is_of_writing
from perennial.validation.meaning import Unclear, meant, meant_values
from perennial.validation.typed_rows import is_text, is_time

POSITION = "position"
"""Key of `meta` for an expectation's position in the spec: results are returned in another order."""


def check_spec(spec: ModelSpec) -> None:
    """Raise SpecError, with all problems by `validation[i]`, if an expectation or an argument is wrong."""
    findings = list(check_expectations(spec.validation, columns_read_as(dict(spec))))
    if findings:
        lines = (f"{dotted(path)}: {message}{f' ({hint})' if hint else ''}" for path, message, hint in findings)
        raise SpecError(f"the spec {spec.name} cannot be validated with:\n" + "\n".join(lines))


def build_expectation(
    item: Expectation, position: int, rows: pd.DataFrame, time_zone: str | None
) -> gx.core.Expectation:
    """Return an expectation of Great Expectations, without condition, with values in the types of the rows.

    Parameters
    ----------
    item : Expectation
    position : int
        Position in the spec.
    rows : pandas.DataFrame
        Rows in natural types; see `typed_rows`.
    time_zone : str or None
        Time zone of times without one; None: UTC.

    Raises
    ------
    Unclear
        A value has no meaning in its column.
    """
    arguments = {**item.kwargs, **_meanings(item, rows, time_zone)}
    for name in ("row_condition", "condition_parser"):
        arguments.pop(name, None)
    meta = {**(item.kwargs.get("meta") or {}), POSITION: position}
    try:
        # An expectation that raises counts as failed, and the others are still checked.
        return get_expectation_impl(item.type)(**{**arguments, "meta": meta, "catch_exceptions": True})
    except ValueError as error:
        raise Unclear(" ".join(str(error).split())) from error


def _meanings(item: Expectation, rows: pd.DataFrame, time_zone: str | None) -> dict[str, Any]:
    """Return the arguments that are values of columns, converted to their types."""
    named, given = item.kwargs.get("column"), item.kwargs
    found: dict[str, Any] = {}
    if isinstance(named, str) and named in rows:
        column = rows[named]
        if is_of_writing(item) and is_time(column):
            raise Unclear(f"{named!r} holds times, and how they are written in the source is not stored")
        if isinstance(given.get("value_set"), list | tuple):
            found["value_set"] = meant_values(given["value_set"], column, time_zone)
        if isinstance(partition := given.get("partition_object"), dict) and isinstance(partition.get("values"), list):
            values = [meant_values([value], column, time_zone)[0] for value in partition["values"]]
            found["partition_object"] = {**partition, "values": values}
        if is_of_bounds(item) and not is_text(column):
            bounds = {name: given[name] for name in ("min_value", "max_value") if given.get(name) is not None}
            found.update({name: meant(value, column, time_zone) for name, value in bounds.items()})
    pair = [given.get("column_A"), given.get("column_B")]
    if isinstance(given.get("value_pairs_set"), list) and all(name in rows for name in pair):
        found["value_pairs_set"] = [
            (left, right)
            for values in given["value_pairs_set"]
            for left in meant_values([values[0]], rows[pair[0]], time_zone)
            for right in meant_values([values[1]], rows[pair[1]], time_zone)
        ]
    return found
