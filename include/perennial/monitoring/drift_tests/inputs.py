"""Whether rows of today have what a champion reads: the source may have changed since it was trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from perennial.data.values.columns import NUMBER, TEXT, TIME, WHOLE

_KINDS = {str(NUMBER): "numbers", str(WHOLE): "numbers", str(TIME): "times", str(TEXT): "text"}


def unlike(inputs: Mapping[str, str], rows: pd.DataFrame, names: Collection[str]) -> dict[str, str]:
    """Say of each column that rows do not have as a champion reads it, why not.

    Parameters
    ----------
    inputs : mapping of column to type
        What the champion reads, as its manifest has it.
    rows : pandas.DataFrame
        In a snapshot's types.
    names : collection of str
        Columns to look at; of those that are not among the inputs only whether they are there.
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
