from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.data.values.canonical import BadValue, canonical
from perennial.data.values.columns import TEXT
from perennial.data.values.python_values import arrow_array

NOON = datetime(2013, 1, 1, 12)


def texts(array: pa.Array) -> list[str | None]:
    found: list[str | None] = canonical(array, TEXT, None).to_pylist()
    return found


@pytest.mark.parametrize("whole", [0, 7, -1545, 49170000001, 2**53, 10**16, 2**60, -(2**63), 2**63])
def test_a_whole_number_has_all_its_digits_whatever_type_can_hold_it(whole: int) -> None:
    held: list[pa.Array] = [pa.array([float(whole)]), pa.array([np.float32(whole)]), pa.array([str(whole)])]
    held += [pa.array([Decimal(whole)], pa.decimal128(38, 9)), pa.array([Decimal(whole)], pa.decimal256(70, 40))]
    for dtype in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
        try:
            held.append(pa.array([whole], dtype))
        except (pa.ArrowInvalid, OverflowError):
            continue
    exact = [array for array in held if array.type != pa.float32() or int(array[0].as_py()) == whole]
    assert {texts(array)[0] for array in exact} == {str(whole)}


@pytest.mark.parametrize(
    ("fraction", "text"),
    [("0.1", "0.1"), ("12345678901.5", "12345678901.5"), ("-0.00000015", "-0.00000015"), ("0.5", "0.5")],
)
def test_a_fraction_is_written_without_exponent_in_as_few_digits_as_it_needs(fraction: str, text: str) -> None:
    arrays = [pa.array([float(fraction)]), pa.array([Decimal(fraction)], pa.decimal128(38, 20))]
    if len(fraction) < 9:
        arrays.append(pa.array([float(fraction)], pa.float32()))
    assert [texts(array) for array in arrays] == [[text]] * len(arrays)


@pytest.mark.parametrize("fraction", ["0.1", "3.3", "-1234.56", "0.000123456"])
def test_a_fraction_that_was_rounded_to_32_bits_is_still_known(fraction: str) -> None:
    narrow = pa.array([float(fraction)]).cast(pa.float32(), safe=False)
    assert texts(narrow) == texts(narrow.cast(pa.float64())) == [fraction]


@given(value=st.floats(width=32, allow_nan=False))
def test_every_float_of_32_bits_has_the_form_that_it_has_in_64(value: float) -> None:
    narrow = pa.array([value], pa.float32())
    (text,) = texts(narrow)
    assert text is not None
    assert texts(narrow.cast(pa.float64())) == [text]
    assert np.float32(float(text)) == np.float32(value)


@given(value=st.floats(allow_nan=False))
def test_the_form_of_a_float_reads_as_the_same_float_unless_it_was_rounded_to_32_bits(value: float) -> None:
    (text,) = texts(pa.array([value]))
    assert text is not None
    assert "e" not in text
    assert float(text) == value or np.float32(float(text)) == value


@pytest.mark.parametrize("exact", ["80.943359375", "12345.0625", "0.0999755859375"])
def test_a_fraction_of_more_digits_is_what_it_is_in_32_bits(exact: str) -> None:
    wide, narrow = pa.array([float(exact)]), pa.array([float(exact)], pa.float32())
    assert texts(wide) == texts(narrow) == texts(pa.array([Decimal(exact)])) == [exact]


def test_minus_zero_is_zero_nan_is_missing_and_infinity_stays() -> None:
    for dtype in (pa.float32(), pa.float64()):
        assert texts(pa.array([-0.0, float("nan"), float("inf"), -float("inf"), None], dtype)) == [
            "0",
            None,
            "inf",
            "-inf",
            None,
        ]
    assert texts(pa.array(np.array([-0.0, np.nan, 2048, 0.5], dtype="f2"))) == ["0", None, "2048", "0.5"]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2013-01-01 12:00:00"),
        (datetime(2013, 1, 1), "2013-01-01"),
        (NOON.replace(microsecond=120_000), "2013-01-01 12:00:00.12"),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999), "1969-12-31 23:59:59.999999"),
    ],
)
def test_a_time_has_one_form_in_all_units(moment: datetime, text: str) -> None:
    units = ["us", "ns", *(["ms"] if not moment.microsecond % 1000 else []), *(["s"] if not moment.microsecond else [])]
    arrays = [pa.array([moment], pa.timestamp(unit)) for unit in units]
    if moment.time() == time(0):
        arrays += [pa.array([moment.date()], pa.date32()), pa.array([moment.date()], pa.date64())]
    assert {texts(array)[0] for array in arrays} == {text}


@pytest.mark.parametrize(
    ("moment", "text"), [(NOON, "2013-01-01 12:00:00Z"), (datetime(2013, 1, 1), "2013-01-01 00:00:00Z")]
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "+05:30"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_time_with_a_zone_is_written_in_utc(moment: datetime, text: str, zone: str, unit: str) -> None:
    # Beside another: how a time is written must not depend on the others in its column.
    array = pa.array([moment.replace(tzinfo=UTC), NOON.replace(microsecond=1000, tzinfo=UTC)], pa.timestamp("us", zone))
    assert texts(array.cast(pa.timestamp(unit, zone), safe=False))[0] == text


def test_times_of_day_have_one_form_in_all_units() -> None:
    for dtype in (pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")):
        assert texts(pa.array([time(12, 30), time(0)], dtype)) == ["12:30:00", "00:00:00"]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["ä", None, "007"], pa.string()),
        pa.array(["ä", None, "007"], pa.large_string()),
        pa.array(["ä", None, "007"], pa.string_view()),
        pa.array(["ä".encode(), None, b"007"], pa.binary()),
        pa.array(["ä".encode(), None, b"007"], pa.large_binary()),
        pa.array(["ä", None, "007"]).dictionary_encode(),
        pa.array(["ä", None, "007"], pa.large_string()).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_text_is_the_same_in_all_types_of_text(array: pa.Array) -> None:
    assert texts(array) == ["ä", None, "007"]


def test_a_truth_value_is_not_the_number_that_it_is_counted_as() -> None:
    assert texts(pa.array([True, False, None])) == ["true", "false", None]
    assert texts(pa.array([1, 0, None], pa.bool8())) == ["true", "false", None]
    assert texts(pa.array([1, 0], pa.int8())) == ["1", "0"]


def test_a_uuid_is_written_as_databases_write_it() -> None:
    one = UUID("5F0C1A2B-0000-4000-8000-00000000000A")
    assert texts(arrow_array([one, None, one])) == [str(one), None, str(one)]
    assert texts(pa.array([one.bytes], pa.uuid())) == [str(one)] == ["5f0c1a2b-0000-4000-8000-00000000000a"]


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (pa.array([timedelta(seconds=1)]), r"is duration\[us\], which cannot be text"),
        (pa.array([b"\xff"]), "not text in UTF-8"),
        (pa.array([b"\xff" * 16], pa.binary(16)), "not text in UTF-8"),
    ],
)
def test_what_has_no_form_is_refused(array: pa.Array, problem: str) -> None:
    with pytest.raises(BadValue, match=problem):
        texts(array)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0.5, None], ["1", "0.5", None]),
        ([2**60 + 1, 0.5, 49170000001.0], ["1152921504606846977", "0.5", "49170000001"]),
        ([Decimal("1.50"), 2.5, 1], ["1.5", "2.5", "1"]),
        ([Decimal("NaN"), Decimal(1)], [None, "1"]),
        ([2**64, "x"], ["18446744073709551616", "x"]),
        ([True, 1, "007", None], ["true", "1", "007", None]),
        ([date(2013, 1, 1), NOON], ["2013-01-01", "2013-01-01 12:00:00"]),
        ([NOON, date(2013, 1, 1)], ["2013-01-01 12:00:00", "2013-01-01"]),
        ([NOON, NOON.replace(tzinfo=UTC)], ["2013-01-01 12:00:00", "2013-01-01 12:00:00Z"]),
        ([NOON.replace(tzinfo=timezone(timedelta(hours=-5))), "x"], ["2013-01-01 17:00:00Z", "x"]),
        ([memoryview(b"bytes"), b"too"], ["bytes", "too"]),
        ([{"a": 1}, "x"], ['{"a": 1}', "x"]),
    ],
)
def test_values_of_several_kinds_are_written_as_each_is_by_itself(values: list[Any], expected: list[Any]) -> None:
    assert texts(arrow_array(values)) == expected
