from __future__ import annotations

import pytest

from perennial.drift import measure_volume


@pytest.mark.parametrize(("rows", "reached"), [(0, False), (9_999, False), (10_000, True), (20_000, True)])
def test_the_limit_is_reached_with_its_last_row(rows, reached):
    assert measure_volume(rows, limit=10_000).reached == reached


def test_it_says_so_in_words():
    assert measure_volume(12_345, limit=10_000).sentence == "12,345 rows since the last training, at least 10,000"


@pytest.mark.parametrize(("rows", "limit"), [(-1, 10), (5, 0)])
def test_numbers_that_make_no_sense_are_refused(rows, limit):
    with pytest.raises(ValueError, match="is a number of rows"):
        measure_volume(rows, limit=limit)
