"""The holdout as a file of JSON lines, and a package's answers from one: what passes between clean processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from perennial.rehearsal.driver import ROWS_A_CALL, Columns


def write_rows(rows: pd.DataFrame, path: Path) -> None:
    """Write rows, 1,000 in a line; numbers keep every bit, times are ISO 8601, missing texts and times are null."""
    with path.open("w", encoding="utf-8") as file:
        for columns in columns_of(rows):
            file.write(json.dumps(columns) + "\n")


def columns_of(rows: pd.DataFrame) -> Iterator[Columns]:
    """Yield 1,000 rows at a time as column -> values."""
    for start in range(0, len(rows), ROWS_A_CALL):
        part = rows.iloc[start : start + ROWS_A_CALL]
        yield {str(name): _plain(part[name]) for name in part.columns}


def read_answers(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the answers, a row for each row, and the measurements, which are in the last line."""
    *parts, measured = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return pd.concat(map(pd.DataFrame, parts), ignore_index=True), measured


def _plain(column: pd.Series) -> list[Any]:
    if pd.api.types.is_datetime64_any_dtype(column):
        return [None if value is pd.NaT else value.isoformat() for value in column]
    if pd.api.types.is_numeric_dtype(column):
        return list(column.tolist())
    return [value if isinstance(value, str) else None for value in column]
