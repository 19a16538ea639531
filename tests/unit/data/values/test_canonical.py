from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from perennial.data.values.canonical import BadValue, canonical
from perennial.data.values.columns import NUMBER, TEXT, TIME, WHOLE

NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


def values(array: pa.Array, dtype: pa.DataType, time_zone: str | None = None) -> list[Any]:
    read = canonical(array, dtype, time_zone)
    assert read.type == dtype
    return read.to_pylist()


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-01T12:00:00Z",
        "2013-01-01 12:00:00+00:00",
        "2013-01-01T14:00:00+0200",
        "2013-01-01T12:00Z",
        "2013-01-01T12:00:00.000000999Z",
    ],
)
def test_times_with_a_zone_become_utc_in_microseconds(text: str) -> None:
    assert values(pa.array([text]), TIME) == [NOON]


def test_times_with_and_without_zone_may_be_mixed_where_the_zone_is_given() -> None:
    mixed = pa.array(["2013-01-01T12:00:00Z", "2013-01-01T07:00:00", "2013-01-01", None])
    midnight = datetime(2013, 1, 1, 5, tzinfo=UTC)
    assert values(mixed, TIME, "America/New_York") == [NOON, NOON, midnight, None]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["2013-01-01T07:00:00"]),
        pa.array([datetime(2013, 1, 1, 7)], pa.timestamp("ns")),
        pa.array([datetime(2013, 1, 1, 7)], pa.timestamp("s")),
    ],
)
def test_times_without_zone_take_the_sources_zone_and_are_refused_without_one(array: pa.Array) -> None:
    assert values(array, TIME, "America/New_York") == [NOON]
    with pytest.raises(BadValue, match=r"2013-01-01.07:00:00.* has no zone.*source\.time_zone"):
        canonical(array, TIME, None)


def test_a_date_is_midnight_in_the_sources_zone() -> None:
    assert values(pa.array([date(2013, 7, 1)]), TIME, "America/New_York") == [datetime(2013, 7, 1, 4, tzinfo=UTC)]


def test_an_hour_that_happened_twice_is_the_first_and_one_that_did_not_happen_is_the_change() -> None:
    local = pa.array(["2013-11-03 01:30:00", "2013-03-10 02:30:00"])
    assert values(local, TIME, "America/New_York") == [
        datetime(2013, 11, 3, 5, 30, tzinfo=UTC),
        datetime(2013, 3, 10, 7, tzinfo=UTC),
    ]


@pytest.mark.parametrize("bad", ["yesterday", "01/02/2013", "2013-13-01T00:00:00Z"])
def test_the_first_text_that_is_no_time_is_named_with_its_place(bad: str) -> None:
    with pytest.raises(BadValue, match=f"{bad}.* is not a timestamp such as") as caught:
        canonical(pa.array(["2013-01-01T12:00:00Z"] * 5 + [bad, "worse"]), TIME, "UTC")
    assert caught.value.index == 5


def test_whole_numbers_are_no_times() -> None:
    with pytest.raises(BadValue, match="'1357041600' is int64, not a time"):
        canonical(pa.array([None, 1357041600]), TIME, None)


@pytest.mark.parametrize(
    ("array", "numbers"),
    [
        (pa.array([1, None, 3], pa.uint8()), [1.0, None, 3.0]),
        (pa.array([1.5, math.nan, math.inf, -math.inf]), [1.5, None, math.inf, -math.inf]),
        (pa.array([True, False, None]), [1.0, 0.0, None]),
        (pa.array([Decimal("1.25")]), [1.25]),
        (pa.array([Decimal("0.3"), Decimal("7000")]), [0.3, 7000.0]),
        (pa.array([1, 0], pa.bool8()), [1.0, 0.0]),
        (pa.array(["1", "2.5", "1e3", "inf"]), [1.0, 2.5, 1000.0, math.inf]),
        (pa.array(["", "NA", "nan", "null", "True", "false", "7"]), [None, None, None, None, 1.0, 0.0, 7.0]),
        (pa.array(["1", "2"]).dictionary_encode(), [1.0, 2.0]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_numbers_are_floats_whatever_they_were(array: pa.Array, numbers: list[float | None]) -> None:
    assert values(array, NUMBER) == numbers


def test_text_that_is_no_number_is_named() -> None:
    with pytest.raises(BadValue, match="'1,5' is not a number") as caught:
        canonical(pa.array(["1", "NA", "1,5"]), NUMBER, None)
    assert caught.value.index == 2


def test_times_and_lists_are_no_numbers() -> None:
    for array in (pa.array([NOON]), pa.array([[1.0]])):
        with pytest.raises(BadValue, match="not a number"):
            canonical(array, NUMBER, None)


@pytest.mark.parametrize(
    ("array", "labels"),
    [
        (pa.array([True, False, None]), [1, 0, None]),
        (pa.array([1.0, 0.0, math.nan]), [1, 0, None]),
        (pa.array(["1", "0", ""]), [1, 0, None]),
        (pa.array([2**62 + 1]), [2**62 + 1]),
        (pa.array([str(2**62 + 1), "1.0", "NA", "true"]), [2**62 + 1, 1, None, 1]),
        (pa.array([Decimal(2**62 + 1)], pa.decimal128(30, 5)), [2**62 + 1]),
    ],
)
def test_labels_that_are_whole_numbers_become_integers(array: pa.Array, labels: list[int | None]) -> None:
    assert values(array, WHOLE) == labels


@pytest.mark.parametrize("label", [0.5, math.inf])
def test_a_fraction_is_no_label(label: float) -> None:
    with pytest.raises(
        BadValue, match="is not a whole number of 64 bits, so it cannot be the label of a class"
    ) as caught:
        canonical(pa.array([1.0, label]), WHOLE, None)
    assert caught.value.index == 1


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array(["007", "", None, "NA"]), ["007", None, None, "NA"]),
        (pa.array(["a"], pa.large_string()), ["a"]),
        (pa.array([1545, None]), ["1545", None]),
        (pa.array([1545.0, 0.5, math.nan]), ["1545", "0.5", None]),
        (pa.array([Decimal("1545.00"), Decimal("10.50"), Decimal("100.00")]), ["1545", "10.5", "100"]),
        (pa.array([True]), ["true"]),
    ],
)
def test_text_stays_and_numbers_lose_needless_decimals(array: pa.Array, texts: list[str | None]) -> None:
    assert values(array, TEXT) == texts


def test_lists_are_no_text() -> None:
    with pytest.raises(BadValue, match="neither text nor a number"):
        canonical(pa.array([["a"]]), TEXT, None)
