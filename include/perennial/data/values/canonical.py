"""Columns in their snapshot's types, the same for every format of the source.

- A time is UTC in microseconds (finer digits are cut off), of the years 1 to 9999. One without zone is read in the
  source's `time_zone`. A time that occurred twice, because clocks were set back, is read as the earlier one; a time
  that was skipped, because clocks were set forward, as the instant of the change.
- A number is a 64-bit float. NaN and the usual spellings of a missing value ('', NA, null ...) are missing; infinity
  stays; true and false are 1 and 0; text that reads as a number is one.
- A label that is a whole number is a 64-bit integer, from a float, a decimal or text too, with all its digits.
- Text stays as it is, '007' too. An empty text is missing, since a CSV file cannot tell the two apart. Other values
  that are read as text, such as keys and categories, are written as `text_form` says: 7.0 as '7', 2013-01-01 00:00 as
  '2013-01-01'.

So a value is the same whichever type a file stores it in, as far as that type can represent it. A 32-bit float that is
closest to 0.1 is a different number than the 64-bit 0.1 where it is read as a number, since a model sees the
difference.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.values.columns import NUMBER, TEXT, TIME, WHOLE, ValueType, is_fractional, value_type_of
from perennial.data.values.text_form import as_text
from perennial.moments import FIRST, LAST

_MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "none")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")
_HAS_ZONE = r"[T ].*(Z|[+-]\d\d(:?\d\d)?)$"
_UNREADABLE = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError)
# Arrow's times go beyond Python's calendar, in which windows and cursors are computed. Not computed by Arrow, which imports pandas
# to make an array or a scalar of a Python value.
_FIRST, _LAST = ((moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) for moment in (FIRST, LAST))
_OUTSIDE = "is outside the years 1 to 9999 (UTC)"


class BadValue(ValueError):
    """A value that does not have the type as which its column is read.

    Attributes
    ----------
    index : int
        Position of the first such value in the array.
    """

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index


def canonical(array: pa.Array, dtype: pa.DataType, time_zone: str | None) -> pa.Array:
    """Return the array in a snapshot's type.

    Parameters
    ----------
    array : pyarrow.Array
        As read.
    dtype : pyarrow.DataType
        One of TIME, NUMBER, WHOLE, TEXT.
    time_zone : str or None
        Time zone of times without one.

    Raises
    ------
    BadValue
        If a value cannot be converted.
    """
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if isinstance(array.type, pa.Bool8Type):
        array = array.cast(pa.bool_())
    elif isinstance(array.type, pa.BaseExtensionType) and array.type != pa.uuid():
        array = array.storage
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), dtype)
    if _is_text(array.type):
        array = _in_utf8(array)
    if dtype == TIME:
        return to_time(array, time_zone)
    return {NUMBER: _to_number, WHOLE: _to_whole, TEXT: _to_text}[dtype](array)


def _in_utf8(array: pa.Array) -> pa.Array:
    """Return the text, or raise BadValue: a file may declare any bytes as text without checking them."""
    plain = pa.large_binary() if pa.types.is_large_string(array.type) else pa.binary()
    return _converted(array.cast(plain), lambda part: part.cast(array.type), "is not text in UTF-8")


def to_time(array: pa.Array, time_zone: str | None) -> pa.Array:
    """Return times in UTC with microseconds; see `canonical`."""
    if array.null_count == len(array):
        return pa.nulls(len(array), TIME)
    if _is_text(array.type):
        times = _converted(
            array, lambda part: _parse_times(part, time_zone), "is not a timestamp such as 2013-03-01T00:00:00Z"
        )
    elif pa.types.is_date(array.type):
        times = _localise(_within_calendar(_converted(array, _to_microseconds, _OUTSIDE), array), time_zone)
    elif pa.types.is_timestamp(array.type):
        times = _converted(array, _to_microseconds, _OUTSIDE)
        times = times.cast(TIME) if times.type.tz else _localise(_within_calendar(times, array), time_zone)
    else:
        raise _bad(array, f"is {array.type}, not a time")
    return _within_calendar(times, array)


def _to_microseconds(array: pa.Array) -> pa.Array:
    if pa.types.is_date(array.type):
        return array.cast(pa.timestamp("us"))
    # Only nanoseconds are truncated. Seconds that do not fit into microseconds must raise instead of overflow.
    return array.cast(pa.timestamp("us", array.type.tz), safe=array.type.unit != "ns")


def _within_calendar(times: pa.Array, found: pa.Array) -> pa.Array:
    """Return the times, or raise BadValue with the original value of the first one outside Python's calendar."""
    ends = pc.min_max(times)
    if ends["min"].is_valid and (ends["min"].value < _FIRST or ends["max"].value > _LAST):
        moments = times.cast(pa.int64())
        outside = pc.or_(pc.less(moments, _FIRST), pc.greater(moments, _LAST))
        index = pc.index(outside, True).as_py()
        raise _bad(found.slice(index), _OUTSIDE, offset=index)
    return times


def _to_number(array: pa.Array) -> pa.Array:
    if _is_text(array.type):
        numbers = _converted(array, _parse_numbers, "is not a number")
    elif pa.types.is_decimal(array.type):
        # Converted through text: Arrow's own conversion of 0.3 gives 0.30000000000000004.
        numbers = array.cast(TEXT).cast(NUMBER)
    elif _is_numeric(array.type):
        numbers = array.cast(NUMBER, safe=False)
    else:
        raise _bad(array, f"is {array.type}, not a number")
    return _without_nan(numbers)


def _to_whole(array: pa.Array) -> pa.Array:
    if pa.types.is_boolean(array.type) or pa.types.is_integer(array.type):
        return _converted(array, lambda part: part.cast(WHOLE), "does not fit 64 bits")
    fraction = "is not a whole number of 64 bits, so it cannot be the label of a class"
    if pa.types.is_decimal(array.type):
        return _converted(array, lambda part: part.cast(WHOLE), fraction)
    digits = None
    if _is_text(array.type):
        # As a float, a number beyond 2**53 would lose digits.
        is_plain = pc.match_substring_regex(array, r"^-?\d+$")
        digits = _converted(pc.if_else(is_plain, array, None), lambda part: part.cast(WHOLE), fraction)
        array = pc.if_else(is_plain, None, array)
    others = _converted(_to_number(array), lambda part: part.cast(WHOLE), fraction)
    return others if digits is None else pc.coalesce(digits, others)


def _to_text(array: pa.Array) -> pa.Array:
    if pa.types.is_nested(array.type):
        raise _bad(array, f"is {array.type}, neither text nor a number")
    is_bytes = value_type_of(array.type) is ValueType.TEXT and not pa.types.is_temporal(array.type)
    text = _converted(array, as_text, "is not text in UTF-8" if is_bytes else f"is {array.type}, which cannot be text")
    empty = pc.equal(pc.binary_length(text), 0)
    return pc.if_else(empty, None, text) if pc.any(empty).as_py() else text


def _parse_times(array: pa.Array, time_zone: str | None) -> pa.Array:
    try:
        return array.cast(TIME)
    except pa.ArrowInvalid:
        text = array.cast(TEXT)
    text = pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")
    text = pc.if_else(pc.is_in(text, pa.array(_MISSING)), None, text)
    zoned = pc.match_substring_regex(text, _HAS_ZONE)
    aware = pc.if_else(zoned, text, None).cast(TIME)
    naive = pc.if_else(zoned, None, text).cast(pa.timestamp("us"))
    return pc.coalesce(aware, _localise(naive, time_zone))


def _localise(naive: pa.Array, time_zone: str | None) -> pa.Array:
    if naive.null_count == len(naive):
        return naive.cast(TIME)
    if time_zone is None:
        raise _bad(naive, "has no zone: write it with one, or give source.time_zone in the spec")
    return pc.assume_timezone(naive, time_zone, ambiguous="earliest", nonexistent="latest").cast(TIME)


def _parse_numbers(array: pa.Array) -> pa.Array:
    try:
        return array.cast(NUMBER)
    except pa.ArrowInvalid:
        text = array.cast(TEXT)
    text = pc.if_else(pc.is_in(text, pa.array(_MISSING)), None, text)
    text = pc.if_else(pc.is_in(text, pa.array(_TRUE)), "1", text)
    return pc.if_else(pc.is_in(text, pa.array(_FALSE)), "0", text).cast(NUMBER)


def _without_nan(array: pa.Array) -> pa.Array:
    nan = pc.is_nan(array)
    return pc.if_else(nan, None, array) if pc.any(nan).as_py() else array


def _converted(array: pa.Array, convert: Callable[[pa.Array], pa.Array], problem: str) -> pa.Array:
    """Convert all values, or find the first one that does not convert by bisection."""
    try:
        return convert(array)
    except _UNREADABLE:
        pass
    good, bad = 0, len(array)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            convert(array.slice(good, middle - good))
            good = middle
        except (*_UNREADABLE, BadValue):
            bad = middle
    raise _bad(array.slice(good), problem, offset=good)


def _bad(array: pa.Array, problem: str, *, offset: int = 0) -> BadValue:
    first = int(np.argmax(array.is_valid().to_numpy(zero_copy_only=False)))
    return BadValue(offset + first, f"{_shown(array[first])!r} {problem}")


def _shown(value: pa.Scalar) -> str:
    try:
        return str(value)
    except (ArithmeticError, LookupError, ValueError):
        # A time with a year or zone that Python does not know is written by Arrow, in UTC.
        if pa.types.is_timestamp(value.type):
            value = value.cast(pa.timestamp(value.type.unit))
        return str(value.cast(TEXT).as_py())


def _is_text(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype))


def _is_numeric(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(dtype) or pa.types.is_integer(dtype)) or is_fractional(dtype)
