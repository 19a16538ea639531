"""What is known of a source before its rows are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from perennial.data.values.columns import ValueType, value_type_of


@dataclass(frozen=True, kw_only=True)
class SourceSummary:
    """Columns and time range of a file, or of a whole source.

    Attributes
    ----------
    rows : int
    start, end : datetime or None
        Oldest and newest event time in UTC; None where there are no rows.
    types : mapping of column to type
        As found, of all columns.
    value_types : mapping of column to the ValueTypes met
        Of the columns whose type the spec leaves to the source.
    """

    rows: int
    start: datetime | None
    end: datetime | None
    types: Mapping[str, str]
    value_types: Mapping[str, frozenset[ValueType]] = field(default_factory=dict)


def merge(summary: Iterable[SourceSummary]) -> SourceSummary:
    """Return the summary of several files together. A column with several types has them all, joined by ' or '."""
    rows = 0
    starts: list[datetime] = []
    ends: list[datetime] = []
    types: dict[str, set[str]] = {}
    value_types: dict[str, frozenset[ValueType]] = {}
    for one in summary:
        rows += one.rows
        starts += [one.start] if one.start else []
        ends += [one.end] if one.end else []
        for column, name in one.types.items():
            types.setdefault(column, set()).update(name.split(" or "))
        for column, met in one.value_types.items():
            value_types[column] = value_types.get(column, frozenset()) | met
    return SourceSummary(
        rows=rows,
        start=min(starts, default=None),
        end=max(ends, default=None),
        types={column: " or ".join(sorted(names - {"null"} or names)) for column, names in types.items()},
        value_types=value_types,
    )


def type_name(dtype: pa.DataType) -> str:
    """Return an Arrow type's name, the same for all ways to hold text."""
    if pa.types.is_dictionary(dtype):
        return type_name(dtype.value_type)
    if pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return "string"
    return str(dtype)


def rough_type_name(dtype: pa.DataType) -> str:
    """Return a name for what a format without types seems to hold, which must not change with every file."""
    if pa.types.is_nested(dtype) or pa.types.is_boolean(dtype):
        return type_name(dtype)
    return {ValueType.EMPTY: "null", ValueType.NUMBER: "number", ValueType.TIME: "time", ValueType.TEXT: "text"}[
        value_type_of(dtype)
    ]
