"""A champion in slices of later rows, beside the same slices of its holdout."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from perennial.evaluation.judged import Judged
from perennial.evaluation.slices.watched import SliceLevels, compare_with_levels, measure_levels
from perennial.models.predictions import Predictions

FLOOR = {"columns": ["place", "size"], "min_rows": 50, "metric": "mae"}


@pytest.fixture
def spec(make_spec):
    def make(**changes):
        return make_spec("regression", holdout={"fraction": 0.25}, slices=FLOOR | changes)

    return make


def judged(seed, *, worse_in=None, by=0.0, rows=1500):
    """Rows whose errors are normal, and larger in one place."""
    random = np.random.default_rng(seed)
    place = random.choice(["a", "b", "c"], rows)
    frame = pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC"),
            "place": place,
            "size": random.exponential(size=rows),
        }
    )
    error = random.normal(size=rows) * np.where(place == worse_in, 1 + by, 1.0)
    return Judged(frame, error, (Predictions(np.zeros(rows)),))


def compared(spec, now, before):
    asked = spec.evaluation.slices
    levels = measure_levels(spec, asked, before)
    # As it is kept with the reference.
    return compare_with_levels(spec, asked, now, SliceLevels.model_validate_json(levels.model_dump_json()))


def test_the_slice_that_has_become_worse_is_named_and_others_like_it_are_not(spec):
    found = compared(spec(), judged(1, worse_in="b", by=1.0), judged(2))
    # Slices of sizes hold some of its rows, too.
    assert [one.name for one in found.worse if one.name.startswith("place")] == ["place=b"]
    assert found.worse[0].name == "place=b"
    assert found.judged == 7
    assert found.worse[0].now.value == pytest.approx(2 * 0.8, rel=0.15)
    assert found.worse[0].holdout == pytest.approx(0.8, rel=0.15)
    assert "of 7 slices are worse than on the holdout beyond chance, first place=b with mae 1." in found.sentence


def test_a_drop_that_is_allowed_is_none(spec):
    assert compared(spec(max_drop=2.0), judged(1, worse_in="b", by=1.0), judged(2)).worse == ()


def test_without_a_change_a_slice_is_rarely_called_worse(spec):
    called = sum(bool(compared(spec(), judged(100 + seed), judged(seed)).worse) for seed in range(30))
    # At a level of 0.05, six or more of 30 come in 0.3% of cases.
    assert called <= 5


def test_numbers_are_cut_where_the_holdout_was_cut(spec):
    later = judged(1)
    later.rows["size"] *= 3
    found = compared(spec(), later, judged(2))
    sizes = {one.name: one.rows for one in found.found if one.name.startswith("size")}
    # Three times as large: most are in the last quarter of the holdout, or beyond it.
    assert len(sizes) == 4
    assert max(sizes.values()) > 0.5 * 1500


def test_the_floor_is_tested_without_a_holdout_too(spec):
    asked = spec(floor=1.0)
    found = compare_with_levels(asked, asked.evaluation.slices, judged(1, worse_in="b", by=1.0), None)
    assert ([one.name for one in found.under_floor], found.worse) == (["place=b"], ())
    assert {one.holdout for one in found.found} == {None}


def test_a_slice_that_the_holdout_did_not_have_is_not_compared(spec):
    later = judged(1)
    later.rows["place"] = later.rows["place"].replace("b", "new")
    found = {one.name: one for one in compared(spec(), later, judged(2)).found}
    assert found["place=new"].p_worse is None
    assert found["place=a"].p_worse is not None
