from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perennial.evaluation.blocks import BLOCKS, blocks_of_entities, blocks_of_time

moments = st.lists(st.integers(0, 40), min_size=1, max_size=200).map(np.array)


@given(moments)
def test_blocks_of_time_are_consecutive_and_cut_no_moment(times: np.ndarray) -> None:
    block = blocks_of_time(times)
    in_order = block[np.argsort(times, kind="stable")]
    assert np.isin(np.diff(in_order), [0, 1]).all()
    assert in_order[0] == 0
    assert block.max() < BLOCKS
    assert all(len(set(block[times == time])) == 1 for time in set(times.tolist()))


@given(st.integers(10, 500))
def test_rows_of_different_moments_make_ten_blocks_of_about_equal_size(rows: int) -> None:
    sizes = np.bincount(blocks_of_time(np.arange(rows)))
    assert len(sizes) == BLOCKS
    assert np.ptp(sizes) <= 1


def test_as_many_blocks_as_moments_where_these_are_few() -> None:
    assert blocks_of_time(np.repeat([3, 1, 2], 50)).tolist() == [2] * 50 + [0] * 50 + [1] * 50
    assert blocks_of_time(np.zeros(100)).max() == 0


@given(moments, st.integers(0, 2**32))
def test_blocks_of_entities_cut_no_entity(times: np.ndarray, seed: int) -> None:
    entity = np.random.default_rng(seed).integers(0, 30, size=len(times))
    block = blocks_of_entities(entity, times)
    assert set(block.tolist()) == set(range(block.max() + 1))
    assert all(len(set(block[entity == one])) == 1 for one in set(entity.tolist()))


def test_entities_of_one_time_share_a_block() -> None:
    times = np.arange(1000)
    entity = (times // 5).astype(str)
    assert blocks_of_entities(entity, times).tolist() == blocks_of_time(times).tolist()


def test_rows_without_an_entity_hang_together_with_none() -> None:
    entity = np.full(100, None, dtype=object)
    assert blocks_of_entities(entity, np.arange(100)).max() == BLOCKS - 1
