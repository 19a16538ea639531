"""Compare the columns of rows with those that a champion reads: the source may have changed since its training."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from perennial.data.values.columns import NUMBER, TEXT, TIME, WHOLE

_KINDS = {str(NUMBER): "numbers", str(WHOLE): "numbers", str(TIME): "times", str(TEXT): "text"}


def unlike(inputs: Mapping[str, str], rows: pd.DataFrame, names: Collection[str]) -> dict[str, str]:
    """Return, for each column that rows lack or have in another type than the champion reads, what is wrong.

    Parameters
    ----------
    inputs : mapping of column to type
        The champion's inputs, by its manifest.
    rows : pandas.DataFrame
        Rows in a snapshot's types.
    names : collection of str
        Columns to compare; of those that are not inputs, only whether they exist.
    """
    found = {}
    for name in names:
        was = _KINDS.get(inputs.get(name, ""))
        if name not in rows:
            found[name] = "the source no longer has it"
        elif was is not None and was != _kind(rows[name]):
            found[name] = f"the spec reads it as {_kind(rows[name])} now, and the champion as {was}"
    return found


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(column):
        return "numbers"
    return "times" if pd.api.types.is_datetime64_any_dtype(column) else "text"
