"""Columns in the names of folders, as Hive and Spark write them: `country=de/month=1/part-0.parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

import pyarrow as pa

from perennial.data.sources.rows import Rows, value_type_of_text
from perennial.data.sources.summary import SourceSummary
from perennial.data.values.columns import TEXT, ValueType

_MISSING = "__HIVE_DEFAULT_PARTITION__"

Values = Mapping[str, str | None]


def folder_values(key: str) -> dict[str, str | None]:
    """Return the columns and values in a key relative to the source's folder; None stands for a missing value."""
    found: dict[str, str | None] = {}
    for folder in key.split("/")[:-1]:
        name, sign, value = folder.partition("=")
        if name and sign:
            found[unquote(name)] = None if value == _MISSING else unquote(value)
    return found


def facts_with(summary: SourceSummary, values: Values) -> SourceSummary:
    """Return a file's summary with the columns added that only its folders name."""
    value_types: dict[str, frozenset[ValueType]] = {
        name: frozenset({value_type_of_text(values[name])}) for name in values
    }
    return replace(
        summary,
        types={**dict.fromkeys(values, "text"), **summary.types},
        value_types={**value_types, **summary.value_types},
    )


def rows_with(rows: Rows, values: Values) -> Rows:
    """Return a file's rows with these columns added, with the same values in every row."""
    batch = rows.batch
    for name, value in values.items():
        batch = batch.append_column(name, pa.repeat(pa.scalar(value, TEXT), batch.num_rows))
    return replace(rows, batch=batch)
