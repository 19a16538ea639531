"""Convert Python values, as a database driver or a JSON parser returns them, to an Arrow array without loss."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from perennial.data.values.columns import TEXT
from perennial.data.values.text_form import as_text

_REFUSED = (pa.ArrowException, OverflowError)
_NUMBERS = {(int, True), (float, True), (Decimal, True)}


def arrow_array(values: Sequence[Any]) -> pa.Array:
    """Return the values in their common type, or as text if they have none.

    Parameters
    ----------
    values : sequence
        None is missing.

    Returns
    -------
    pyarrow.Array
        Values of several types, or of a type that Arrow does not know, become the text that each would have in a column
        of its own type.
    """
    values = [bytes(value) if isinstance(value, memoryview) else value for value in values]
    kinds = [_kind(value) for value in values]
    shared = set(kinds) - {_kind(None)}
    if len(shared) <= 1 or shared <= _NUMBERS:
        try:
            return pa.array(values)
        except _REFUSED:
            pass
    texts: list[str | None] = [None] * len(values)
    for kind in dict.fromkeys(kinds):
        places = [place for place, other in enumerate(kinds) if other == kind]
        for place, text in zip(places, _texts([values[place] for place in places]), strict=True):
            texts[place] = text
    return pa.array(texts, TEXT)


def _kind(value: Any) -> tuple[type, bool]:
    """Return the type, and whether the value is a time without a zone.

    Arrow would mix dates with times, and times with and without zone, and drop the parts that they do not share.
    """
    return type(value), getattr(value, "tzinfo", None) is None


def _texts(values: list[Any]) -> list[str | None]:
    try:
        array = pa.array(values)
        if not pa.types.is_nested(array.type):
            texts: list[str | None] = as_text(array).to_pylist()
            return texts
    except _REFUSED:
        pass
    return [_text(value) for value in values]


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return json.dumps(value)
    # A decimal NaN, which Arrow does not know.
    return None if value != value else str(value)
