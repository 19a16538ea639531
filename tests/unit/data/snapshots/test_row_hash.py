from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from perennial.data.snapshots.row_hash import hash_rows
from perennial.data.values.columns import NUMBER, TEXT, TIME, WHOLE

LONG = "x" * 64


def batch() -> pa.RecordBatch:
    rng = np.random.default_rng(0)
    n = 40_000
    return pa.record_batch(
        {
            "number": pa.array(rng.integers(0, 1000, n) / 10, NUMBER, mask=rng.random(n) < 0.1),
            "text": pa.array([None if k % 7 == 0 else "é" * (k % 50) for k in range(n)], TEXT),
            "whole": pa.array(np.arange(n), WHOLE),
        }
    )


def test_a_rows_hash_does_not_depend_on_its_batch() -> None:
    rows = batch()
    whole = hash_rows(rows).rows
    pieces = [hash_rows(rows.slice(start, 777)).rows for start in range(0, rows.num_rows, 777)]
    assert np.array_equal(whole, np.concatenate(pieces, axis=1))


def test_different_rows_have_different_hashes_in_either_half() -> None:
    rows = batch()
    for half in hash_rows(rows).rows:
        assert len(np.unique(half)) == rows.num_rows


def test_order_of_columns_does_not_matter() -> None:
    rows = batch()
    assert np.array_equal(hash_rows(rows).rows, hash_rows(rows.select(["whole", "text", "number"])).rows)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (TEXT, ["", None, "\0", "\0" * 8, "\0" * 9, "a", "a\0", "b", LONG, LONG + "y", LONG + "z", LONG + "y\0"]),
        (NUMBER, [0.0, None, 1.0, -1.0, np.inf, -np.inf, 5e-324]),
        (WHOLE, [0, None, 1, -1, 2**63 - 1, -(2**63)]),
        (TIME, [datetime(1970, 1, 1, tzinfo=UTC), None, datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)]),
    ],
)
def test_different_values_have_different_hashes(dtype: pa.DataType, values: list[object]) -> None:
    hashes = hash_rows(pa.record_batch({"a": pa.array(values, dtype)})).rows
    assert len(np.unique(hashes, axis=1).T) == len(values)


def test_the_same_value_in_another_column_has_another_hash() -> None:
    column = pa.array([1.0, 2.0], NUMBER)
    one, two = (hash_rows(pa.record_batch({name: column})).rows for name in ("a", "b"))
    assert not (one == two).any()


def test_minus_zero_is_zero() -> None:
    hashes = hash_rows(pa.record_batch({"a": pa.array([0.0, -0.0], NUMBER)})).rows
    assert (hashes[:, 0] == hashes[:, 1]).all()


def test_keys_are_hashed_alone_and_a_row_without_one_stands_for_itself() -> None:
    rows = pa.record_batch({"id": pa.array(["a", "a", None, None], TEXT), "x": pa.array([1.0, 2.0, 3.0, 4.0], NUMBER)})
    hashes = hash_rows(rows, ["id"])
    assert (hashes.keys[:, 0] == hashes.keys[:, 1]).all()
    assert not (hashes.rows[:, 0] == hashes.rows[:, 1]).any()
    assert np.array_equal(hashes.keys[:, 2:], hashes.rows[:, 2:])
