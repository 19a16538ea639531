"""A value as text. The text depends on the value only, not on the type, unit or precision in which a file stores it.

- A whole number has all its digits, without decimals or exponent: 49170000001 is '49170000001' as an integer, a float
  or a decimal, and -0.0 is '0'.
- Any other number is written without exponent, in the fewest digits that identify the 64-bit float; or the 32-bit
  float, if six digits are enough for that. So 0.1 is '0.1' as a 64-bit float, as a 32-bit float, as a decimal, and as a
  32-bit float that was widened to 64 bits (read as a number, that remains 0.10000000149011612). NaN is missing,
  infinity 'inf'.
- A boolean is 'true' or 'false', so it differs from the numbers 1 and 0.
- A time is '2013-01-01 12:00:00' with as many decimals as it needs; at midnight it is '2013-01-01', as a date is. One
  with a zone is written in UTC, with a 'Z', and always with its hour; one without zone stays as it is.
- A UUID is written in lower case with hyphens. Bytes are text in UTF-8.
- Text stays as it is: '007', '1.0' and 'NA' too.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from perennial.data.values.columns import TEXT

_NEEDLESS_ZEROS = r"(?:\.0+|(\.\d*[1-9])0+)(Z?)$"
_WHOLE_LIMIT = 2.0**63
# Number of digits that a 32-bit float always preserves.
_DIGITS_OF_32_BITS = 6


def as_text(array: pa.Array) -> pa.Array:
    """Return an array of any type except nested ones as strings.

    Parameters
    ----------
    array : pyarrow.Array
        Must not be dictionary-encoded, or of an extension type other than UUID.

    Raises
    ------
    pyarrow.ArrowException
        If a value cannot be written in this form.
    """
    dtype = array.type
    if pa.types.is_floating(dtype):
        return _floats(array)
    if pa.types.is_decimal(dtype):
        return _without_needless_zeros(_without_exponent(array.cast(TEXT)))
    if pa.types.is_temporal(dtype):
        return _times(array)
    if dtype == pa.uuid():
        return _each(array.storage, lambda value: str(UUID(bytes=value)))
    return array.cast(TEXT)


def _floats(array: pa.Array) -> pa.Array:
    array = pc.if_else(pc.is_nan(array), None, array)
    numbers = array.cast(pa.float64())
    whole = pc.and_(pc.equal(numbers, pc.trunc(numbers)), pc.is_finite(numbers))
    fits = pc.and_(whole, pc.less(pc.abs(numbers), _WHOLE_LIMIT))
    text = pc.if_else(fits, numbers, None).cast(pa.int64()).cast(TEXT)
    if text.null_count == array.null_count:
        return text
    rest = numbers.filter(pc.is_null(text))
    large = _each(pc.if_else(whole, numbers, None).filter(pc.is_null(text)), lambda value: str(int(value)))
    return pc.replace_with_mask(text, pc.is_null(text), pc.coalesce(large, _without_exponent(_shortest(rest))))


def _shortest(numbers: pa.Array) -> pa.Array:
    """Return the shortest text of 64-bit floats, which must be the same for floats that were widened from 32 bits."""
    narrow = numbers.cast(pa.float32(), safe=False)
    short = narrow.cast(TEXT)
    digits = pc.binary_length(pc.replace_substring_regex(short, r"^-?[0.]*|\.|e.*", ""))
    is_meant = pc.and_(pc.equal(narrow.cast(pa.float64()), numbers), pc.less_equal(digits, _DIGITS_OF_32_BITS))
    return pc.if_else(is_meant, short, numbers.cast(TEXT))


def _times(array: pa.Array) -> pa.Array:
    if pa.types.is_duration(array.type) or pa.types.is_interval(array.type):
        raise pa.ArrowTypeError(f"{array.type} is neither text nor a number")
    if pa.types.is_timestamp(array.type) and array.type.tz:
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    text = array.cast(TEXT)
    if pc.any(pc.starts_with(text, "<")).as_py():
        raise pa.ArrowInvalid("pyarrow writes a time that is too far away as '<value out of range>'")
    text = _without_needless_zeros(text)
    return pc.replace_substring_regex(text, r" 00:00:00$", "") if pa.types.is_timestamp(array.type) else text


def _without_needless_zeros(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(text, _NEEDLESS_ZEROS, r"\1\2")


def _without_exponent(text: pa.Array) -> pa.Array:
    scientific = pc.match_substring_regex(text, "[eE]")
    if not pc.any(scientific).as_py():
        return text
    return pc.coalesce(_each(pc.if_else(scientific, text, None), lambda value: f"{Decimal(value):f}"), text)


def _each(array: pa.Array, form: Callable[[Any], str]) -> pa.Array:
    """Return the text of each value; equal values are converted once."""
    encoded = array.dictionary_encode()
    return pa.array([form(value) for value in encoded.dictionary.to_pylist()], TEXT).take(encoded.indices)
