"""A snapshot's rows in natural types: numbers as numbers, even if the snapshot stores them as text."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.values.canonical import BadValue, canonical
from perennial.data.values.columns import NUMBER, TEXT, TIME, WHOLE

WHOLE_NUMBER = r"^-?(0|[1-9]\d*)$"
ANY_NUMBER = r"^-?((0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|inf)$"
"""Does not match '007': a number with leading zeros is a code, which stays text."""
SPELLINGS = {True: ("true", "True", "TRUE"), False: ("false", "False", "FALSE")}
_TRUE_OR_FALSE = r"^(true|True|TRUE|false|False|FALSE)$"
_ISO_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$"
_EXACT_FLOATS = 2**53


def typed_rows(rows: pd.DataFrame, time_zone: str | None) -> pd.DataFrame:
    """Return the rows, with each text column converted if all of its values are numbers, booleans or times.

    The values decide and not the source's files, so that the same snapshot always gives the same types. A column with
    one value that is something else stays text.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of a snapshot.
    time_zone : str or None
        Time zone of times without one; None: UTC.
    """
    return pd.DataFrame({name: _value_type(column, time_zone or "UTC") for name, column in rows.items()})


def text_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with every column as text, as `text_form` writes it: 7.0 is '7'."""
    return pd.DataFrame({name: canonical(_arrow(column), TEXT, None).to_pandas() for name, column in rows.items()})


def is_text(column: pd.Series) -> bool:
    """Tell whether a column of typed rows is text."""
    return isinstance(column.dtype, pd.StringDtype)


def is_truth(column: pd.Series) -> bool:
    """Tell whether a column of typed rows holds booleans, possibly with missing values."""
    return column.dtype == bool or column.dtype == object


def is_time(column: pd.Series) -> bool:
    """Tell whether a column of typed rows holds times."""
    return isinstance(column.dtype, pd.DatetimeTZDtype)


def _value_type(column: pd.Series, time_zone: str) -> pd.Series:
    if not is_text(column):
        return column
    encoded = _arrow(column).dictionary_encode()
    values = _values(encoded.dictionary, time_zone)
    if values is None:
        return column
    taken = values.take(encoded.indices)
    if taken.type == WHOLE and taken.null_count and max(map(abs, pc.min_max(values).as_py().values())) > _EXACT_FLOATS:
        # pandas would convert integers to floats, in which different large numbers may be equal.
        return column
    typed: pd.Series = taken.to_pandas()
    return typed


def _values(texts: pa.Array, time_zone: str) -> pa.Array | None:
    """Return the texts converted to their common type; None if they stay text."""
    try:
        if not len(texts):
            return None
        if _all(texts, WHOLE_NUMBER):
            return texts.cast(WHOLE)
        if _all(texts, ANY_NUMBER):
            return texts.cast(NUMBER)
        if _all(texts, _TRUE_OR_FALSE):
            return pc.is_in(texts, pa.array(SPELLINGS[True]))
        if _all(texts, _ISO_TIME):
            return canonical(texts, TIME, time_zone)
    except (pa.ArrowInvalid, BadValue):
        pass
    return None


def _all(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def _arrow(column: pd.Series) -> pa.Array:
    array = pa.array(column, from_pandas=True)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return array.cast(TEXT) if is_text(column) else array
