"""A slice in which the candidate is worse is found and named; where it is not, none is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from perennial.evaluation.judged import Judged
from perennial.evaluation.plots.slices import draw_slices
from perennial.evaluation.records import Slices
from perennial.evaluation.slices.measure import measure_slices
from perennial.models.predictions import Predictions
from perennial.spec.slices import SlicesSection

ROWS = 6000
RNG = np.random.default_rng(5)
FRAME = pd.DataFrame({
    "at": pd.date_range("2013-01-01", periods=ROWS, freq="h", tz="UTC"),
    "place": RNG.choice(list("abcdefgh"), ROWS),
    "size": RNG.normal(size=ROWS),
})  # fmt: skip
TRUTH = RNG.integers(0, 2, size=ROWS)


def said(noise: Any) -> Predictions:
    p = 1 / (1 + np.exp(-(2 * TRUTH - 1 + noise * RNG.normal(size=ROWS))))
    return Predictions((p > 0.5).astype(int), (0, 1), probabilities=np.column_stack([1 - p, p]))


def measure(make_spec, candidate: Predictions, champion: Predictions | None, **asked: Any) -> Slices:
    section = SlicesSection.model_validate({"columns": ["place", "size"], "pairs": [["place", "size"]]} | asked)
    models = (candidate,) if champion is None else (candidate, champion)
    return measure_slices(make_spec(), section, Judged(FRAME, TRUTH, models, (0, 1)))


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_drop_in_one_category_is_found_with_the_pairs_that_it_is_in(make_spec, metric: str) -> None:
    worse = said(np.where(FRAME["place"] == "c", 6.0, 1.0))
    found = measure(make_spec, worse, said(1.0), metric=metric)
    beyond = {one.name: one for one in found.found if one.is_worse(0.05)}
    assert (found.judged, found.undefined, found.useless) == (8 + 4 + 32, (), ())
    # A quartile of sizes has rows of every place, so it is worse too.
    assert all("place=c" in name for name in beyond if "place=" in name)
    difference = beyond["place=c"].difference
    assert difference is not None
    assert difference.high < 0
    assert draw_slices(found)["slices.png"].startswith(b"\x89PNG")


def test_a_drop_that_is_allowed_is_not_called_worse(make_spec) -> None:
    worse, champion = said(np.where(FRAME["place"] == "c", 6.0, 1.0)), said(1.0)
    assert not any(one.is_worse(0.05) for one in measure(make_spec, worse, champion, max_drop=0.5).found)


def test_a_floor_needs_no_champion(make_spec) -> None:
    weak = said(np.where(FRAME["place"] == "c", 6.0, 1.0))
    found = measure(make_spec, weak, None, floor=0.75)
    under = [one.name for one in found.found if one.misses_floor(0.05)]
    assert "place=c" in under
    assert all("place=c" in name for name in under if "place=" in name)
    assert {one.p_worse for one in found.found} == {None}
    assert draw_slices(found)


def test_slices_that_cannot_be_judged_are_counted_with_the_reason(make_spec) -> None:
    found = measure(make_spec, said(1.0), said(1.0), min_rows=400)
    assert (found.judged, found.too_few_rows) == (12, 32)
    one_label = Judged(FRAME, np.where(FRAME["place"] == "a", 1, TRUTH), (said(1.0), said(1.0)), (0, 1))
    section = SlicesSection(columns=("place",))
    (why,) = measure_slices(make_spec(), section, one_label).undefined
    assert why == "place=a: every held-out row has the label 1"


def test_rows_of_few_moments_prove_nothing(make_spec) -> None:
    frame = FRAME.assign(at=FRAME["at"].iloc[0])
    judged = Judged(frame, TRUTH, (said(9.0), said(1.0)), (0, 1))
    found = measure_slices(make_spec(), SlicesSection(columns=("place",)), judged)
    assert (found.found, len(found.undefined)) == ((), 8)
    assert "the rows make 1 blocks of time, and 5 are needed" in found.undefined[0]
    assert math.isclose(found.level, 0.05)
    assert draw_slices(found) == {}
