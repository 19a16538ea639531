"""What a scan finds out about a source before its rows are read."""

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
        Types in the source, of all columns.
    value_types : mapping of column to the ValueTypes found
        Only of columns whose type the spec leaves to the source.
    """

    rows: int
    start: datetime | None
    end: datetime | None
    types: Mapping[str, str]
    value_types: Mapping[str, frozenset[ValueType]] = field(default_factory=dict)


def merge(summary: Iterable[SourceSummary]) -> SourceSummary:
    """Return the summary of several files together. The types of a column that differs are joined by ' or '."""
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
    """Return an Arrow type's name; all types of text have the same."""
    if pa.types.is_dictionary(dtype):
        return type_name(dtype.value_type)
    if pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return "string"
    return str(dtype)


def rough_type_name(dtype: pa.DataType) -> str:
    """Return a coarse name for an inferred type, which should not differ from file to file."""
    if pa.types.is_nested(dtype) or pa.types.is_boolean(dtype):
        return type_name(dtype)
    return {ValueType.EMPTY: "null", ValueType.NUMBER: "number", ValueType.TIME: "time", ValueType.TEXT: "text"}[
        value_type_of(dtype)
    ]
