"""The checksum of a mapped file: every change changes it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from perennial.store.checksum import checksum

BLOCK = 65_536


@pytest.mark.parametrize("size", [0, 1, 7, 8, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_every_flipped_bit_and_another_size_change_it(tmp_path, size):
    path = tmp_path / "file"
    whole = np.random.default_rng(size).bytes(size)
    path.write_bytes(whole)
    found = checksum(path)
    assert checksum(path) == found
    chance = random.Random(size)
    for _ in range(50 if size else 0):
        changed = bytearray(whole)
        changed[chance.randrange(size)] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        assert checksum(path) != found
    for other in (whole + b"\0", whole[:-1] + b"x" + whole[-1:], bytes(size + 8)):
        path.write_bytes(other)
        assert checksum(path) != found


def test_blocks_that_changed_places_change_it(tmp_path):
    path = tmp_path / "file"
    first, second = b"\1" * BLOCK, b"\2" * BLOCK
    path.write_bytes(first + second)
    found = checksum(path)
    path.write_bytes(second + first)
    assert checksum(path) != found
