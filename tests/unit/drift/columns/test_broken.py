from __future__ import annotations

import numpy as np
import pytest

from perennial.drift import ChiSquare, KolmogorovSmirnov
from perennial.drift.charts.chart_state import ChartState
from perennial.drift.charts.control_chart import ControlChart

RNG = np.random.default_rng(0)
REFERENCE = {"x": RNG.gamma(2, size=3_000), "rare": np.where(RNG.random(3_000) < 0.03, 1.0, 0.0)}
BATCH = {"x": RNG.gamma(2, size=400), "rare": np.zeros(400)}


def compare(**changes):
    batch = {**BATCH, **changes}
    chart = ControlChart.of_numbers(REFERENCE, list(REFERENCE))
    ordinary, _ = chart.judge(batch, ChartState(reference="r"), level=0.01)
    return KolmogorovSmirnov.fit(REFERENCE).compare(batch, level=0.01, ordinary=ordinary)


def test_what_is_ordinary_is_neither_drifted_nor_broken():
    report = compare()
    assert (report.drifted, report.broken, report.effect_floor) == ((), (), None)
    assert report["x"].ordinary.learnt_from > 10


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full(400, 1.0), "one value fills nearly all rows"),
        (BATCH["x"] * 20, "lie far beyond all that the champion has seen"),
        (BATCH["x"] / 10, "narrower: in another unit?"),
        (np.where(np.arange(400) % 2, BATCH["x"], np.nan), "missing values jumped from 0.0% to 50.0%"),
        (np.full(400, np.nan), "missing values jumped from 0.0% to 100.0%"),
    ],
)
def test_a_broken_column_is_told_from_one_that_drifted(values, said):
    report = compare(x=values)
    assert report.broken == ("x",)
    assert "x" in report.drifted
    assert said in report["x"].broken
    assert "look at the source first" in report["x"].sentence


def test_a_shift_is_drift_and_not_broken():
    report = compare(x=BATCH["x"] + 1.0)
    assert report.drifted[0] == "x"
    assert report.broken == ()
    assert "from the rows before, ordinary is up to" in report["x"].sentence


def test_another_season_that_goes_beyond_what_was_seen_is_not_broken():
    spring = {"x": RNG.normal(10, 3, size=3_000)}
    summer = KolmogorovSmirnov.fit(spring).compare({"x": RNG.normal(20, 3, size=400)})
    assert summer.drifted == ("x",)
    assert summer.broken == ()


def test_missing_values_that_come_back_are_not_broken():
    gaps = {"x": np.where(RNG.random(3_000) < 0.5, REFERENCE["x"], np.nan)}
    chart = ControlChart.of_numbers(gaps, ["x"])
    whole = {"x": BATCH["x"]}
    ordinary, _ = chart.judge(whole, ChartState(reference="r"), level=0.01)
    report = KolmogorovSmirnov.fit(gaps).compare(whole, ordinary=ordinary)
    assert report["x"].missing.drifted
    assert report.broken == ()


def test_with_a_floor_only_what_drifted_is_called_broken():
    frozen = KolmogorovSmirnov.fit(REFERENCE).compare({**BATCH, "x": np.full(400, 1.0)}, effect_floor=0.1)
    assert frozen.broken == ("x",)
    assert KolmogorovSmirnov.fit(REFERENCE).compare({**BATCH, "x": np.full(400, 1.0)}, effect_floor=0.99).broken == ()


def test_labels_break_when_one_of_several_fills_all_rows():
    check = ChiSquare.fit({"kind": ["a", "b", "c"] * 200}, columns=["kind"])
    assert check.compare({"kind": ["b"] * 100}).broken == ("kind",)
    assert check.compare({"kind": ["b"] * 80 + ["a", "c"] * 10}).broken == ()
