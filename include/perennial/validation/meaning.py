"""Convert values in a spec to those of a column: 1 and '1' are the same if the column holds numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from perennial.data.values.canonical import BadValue, canonical
from perennial.data.values.columns import TEXT, TIME
from perennial.validation.typed_rows import ANY_NUMBER, SPELLINGS, WHOLE_NUMBER, is_text, is_time, is_truth

_WRITTEN_OTHERWISE = re.compile(r"[+-]?\d+(\.\d*)?")


class Unclear(ValueError):
    """It is not clear what a value means in a column; the message says why."""


def meant(value: Any, column: pd.Series, time_zone: str | None) -> Any:
    """Return a value in the type of a column; a value that the column cannot hold is returned unchanged.

    Parameters
    ----------
    value : object
        From the spec's YAML.
    column : pandas.Series
        A column of `typed_rows` that is not text.
    time_zone : str or None
        Time zone of times without one; None: UTC.

    Raises
    ------
    Unclear
        The column holds times, and the value is not a time.
    """
    if value is None:
        return None
    if is_time(column):
        return _as_time(value, column, time_zone)
    if is_truth(column):
        return _as_truth(value)
    return _as_number(value)


def meant_values(values: Iterable[Any], column: pd.Series, time_zone: str | None) -> list[Any]:
    """Return several values in the type of a column, which may be text.

    In a column of text, a number stands for every text of the column with that value (1 for '1' and '1.0'), and true
    for 'true' and 'True'.

    Raises
    ------
    Unclear
        As `meant`; or a value is a number and the column holds texts such as '007', which may or may not be meant.
    """
    if not is_text(column):
        return [meant(value, column, time_zone) for value in values]
    present = column.dropna().unique().tolist()
    return [text for value in values for text in _as_texts(value, present, str(column.name))]


def _as_time(value: Any, column: pd.Series, time_zone: str | None) -> Any:
    if not isinstance(value, str | date):
        raise Unclear(f"{column.name!r} holds times, and {value!r} is not one")
    try:
        return canonical(pa.array([value]), TIME, time_zone or "UTC").to_pandas()[0]
    except (BadValue, pa.ArrowException) as error:
        raise Unclear(f"{column.name!r} holds times, and {value!r} is not one such as 2013-01-04T09:30:00Z") from error


def _as_truth(value: Any) -> Any:
    for truth, texts in SPELLINGS.items():
        if value in texts or (isinstance(value, int | float) and value == truth):
            return truth
    return value


def _as_number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    if re.fullmatch(WHOLE_NUMBER, value):
        return int(value)
    return float(value) if re.fullmatch(ANY_NUMBER, value) else value


def _as_texts(value: Any, present: list[str], column: str) -> list[Any]:
    if isinstance(value, bool):
        return [text for text in SPELLINGS[value] if text in present] or [SPELLINGS[value][0]]
    if isinstance(value, int | float):
        return _texts_of_number(value, present, column)
    if isinstance(value, datetime | date):
        return list({value.isoformat(), canonical(pa.array([value]), TEXT, None)[0].as_py()})
    return [value]


def _texts_of_number(value: float, present: list[str], column: str) -> list[Any]:
    found = []
    for text in present:
        if re.fullmatch(ANY_NUMBER, text):
            if _as_number(text) == value:
                found.append(text)
        elif _WRITTEN_OTHERWISE.fullmatch(text) and float(text) == value:
            raise Unclear(
                f"{column!r} holds the text {text!r}, and {value!r} is a number: write the text in quotes, as it is in "
                "the source"
            )
    return found or [canonical(pa.array([value]), TEXT, None)[0].as_py()]
