from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.data.snapshots.duplicates import HashSpill, Resolution
from perennial.data.snapshots.row_hash import hash_rows
from perennial.data.values.columns import NUMBER, TEXT, TIME

rows = st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(-3, 3), st.sampled_from([0.0, 1.0, None]))
SCHEMA = pa.schema({"id": TEXT, "at": TIME, "x": NUMBER})


def resolve(table: list[tuple[object, ...]], key: list[str], batch_rows: int) -> Resolution:
    columns = zip(*table, strict=True)
    whole = pa.record_batch([pa.array(list(c), f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
    with tempfile.TemporaryDirectory() as folder:
        spill = HashSpill(Path(folder) / "hashes", keyed=bool(key))
        for start in range(0, len(table), batch_rows):
            batch = whole.slice(start, batch_rows)
            spill.add(hash_rows(batch, key), batch.column("at").cast(pa.int64()).to_numpy())
        return spill.resolve(b"")


@settings(deadline=None)
@given(table=st.lists(rows, min_size=1, max_size=40), batch_rows=st.integers(1, 40))
def test_rows_that_stay_are_those_that_pandas_keeps(table: list[tuple[object, ...]], batch_rows: int) -> None:
    frame = pd.DataFrame(table, columns=SCHEMA.names)
    distinct = frame.drop_duplicates()
    found = resolve(table, [], batch_rows)
    assert found.rows == len(distinct)
    assert found.exact_duplicates == len(frame) - len(distinct)
    assert found.key_duplicates == 0
    kept = frame[~found.dropped(0, len(frame))]
    pd.testing.assert_frame_equal(
        kept.sort_values(SCHEMA.names, ignore_index=True), distinct.sort_values(SCHEMA.names, ignore_index=True)
    )


@settings(deadline=None)
@given(table=st.lists(rows, min_size=1, max_size=40), batch_rows=st.integers(1, 40), order=st.randoms())
def test_of_rows_with_one_key_a_newest_stays_the_same_whatever_the_order(
    table: list[tuple[object, ...]], batch_rows: int, order: object
) -> None:
    frame = pd.DataFrame(table, columns=SCHEMA.names).fillna({"x": -1.0})
    distinct = frame.drop_duplicates()
    keyed = distinct[distinct.id.notna()]
    newest = keyed[keyed["at"] == keyed.groupby("id")["at"].transform("max")]
    found = resolve(table, ["id"], batch_rows)
    assert found.exact_duplicates == len(frame) - len(distinct)
    assert found.rows == distinct.id.isna().sum() + newest.id.nunique()
    kept = frame[~found.dropped(0, len(frame))]
    # Rows without a key are no duplicates of each other.
    assert len(kept[kept.id.isna()]) == distinct.id.isna().sum()
    stayed = kept[kept.id.notna()].itertuples(index=False, name=None)
    assert set(stayed) <= set(newest.itertuples(index=False, name=None))
    shuffled = list(table)
    order.shuffle(shuffled)
    assert resolve(shuffled, ["id"], 7).digest == found.digest


def test_dropped_tells_of_any_range_of_rows() -> None:
    table = [("a", k // 3, 0.0) for k in range(100)]
    found = resolve(table, [], 13)
    whole = found.dropped(0, 100)
    assert whole.sum() == 66
    for start, size in ((0, 1), (7, 9), (8, 8), (95, 5), (3, 0)):
        assert np.array_equal(found.dropped(start, size), whole[start : start + size])


def test_nothing_resolves_to_nothing(tmp_path: Path) -> None:
    found = HashSpill(tmp_path / "hashes", keyed=False).resolve(b"x")
    assert (found.rows, found.exact_duplicates, found.key_duplicates) == (0, 0, 0)
