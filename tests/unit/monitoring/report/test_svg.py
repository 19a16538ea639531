from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from perennial.monitoring.report.svg import Scale, Steps, draw_distributions, draw_losses, draw_shares


def places(svg, kind, *names):
    return [
        [float(node.get(name)) for name in names]
        for node in ElementTree.fromstring(svg).iter()
        if node.get("class") == kind and node.get(names[0])
    ]


def test_steps_give_the_share_at_or_below_a_place():
    steps = Steps.of_rows(np.array([3.0, 1.0, np.nan, 1.0, 2.0]))
    assert steps.at(np.array([0.0, 1.0, 2.5, 9.0])).tolist() == [0.0, 0.5, 0.75, 1.0]
    assert steps.below(1.0) == 0.0
    assert steps.quantile(0.5) == 1.0


def test_infinite_values_keep_their_share_and_are_not_drawn():
    steps = Steps.of_rows(np.array([-np.inf, 1.0, 2.0, np.inf]))
    assert steps.values.tolist() == [1.0, 2.0]
    assert steps.at(np.array([1.5])).tolist() == [0.5]
    assert "nan" not in draw_distributions(steps, steps, location=None, distance=None)


def test_the_mark_spans_the_two_distributions_where_they_are_farthest_apart():
    reference, batch = Steps.of_rows(np.arange(100.0)), Steps.of_rows(np.arange(50.0, 150.0))
    svg = draw_distributions(reference, batch, location=50.0, distance=0.5)
    ((x1, x2, y1, y2),) = places(svg, "mark", "x1", "x2", "y1", "y2")
    assert x1 == x2
    # The drawing is 178 high for all rows.
    assert abs(y1 - y2) == pytest.approx(0.51 * 178, abs=2)
    assert "D 0.500 at 50" in svg


@pytest.mark.parametrize("values", [[1.0], [5.0] * 10, [-1e300, 1e300], [1e-12, 2e-12], [0.0, np.inf]])
def test_odd_columns_are_drawn(values):
    steps = Steps.of_rows(np.array(values))
    svg = draw_distributions(steps, steps, location=values[0], distance=0.1)
    ElementTree.fromstring(svg)
    assert "nan" not in svg


def test_a_column_without_finite_values_is_drawn():
    nothing = Steps.of_rows(np.array([np.nan, np.inf]))
    ElementTree.fromstring(draw_distributions(nothing, nothing, location=np.inf, distance=0.1))


def test_bars_are_as_long_as_their_shares():
    svg = draw_shares([("a", 0.5, 0.25), ("b & c", 0.0, 0.1)])
    before, now = (places(svg, kind, "width") for kind in ("ref", "now"))
    assert before[0][0] == pytest.approx(2 * now[0][0], abs=0.2)
    assert before[1] == [0.0]
    assert "b &amp; c" in svg


def test_losses_are_drawn_with_threshold_and_detection():
    losses = np.concatenate([np.full(500, 0.2), np.full(500, 0.8), [np.nan]])
    statistic = np.concatenate([np.zeros(500), np.linspace(0, 50, 500), [np.nan]])
    svg = draw_losses(losses, statistic, center=0.2, threshold=40.0, detections=[900], ends=("then", "now"))
    ElementTree.fromstring(svg)
    assert "found at row 901" in svg
    assert "threshold 40" in svg
    assert "nan" not in svg
    assert len(svg) < 20_000


@pytest.mark.parametrize("rows", [1, 2, 239, 241])
def test_any_number_of_losses_is_drawn(rows):
    svg = draw_losses(np.zeros(rows), np.zeros(rows), center=0.0, threshold=1.0, detections=[], ends=("a", "b"))
    assert len(re.findall("<polyline", svg)) == 4


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 1e6), (1e-9, 2e-9), (1.0, 1.0000001)])
def test_ticks_are_few_and_within_the_range(low, high):
    ticks = Scale(low, high, 0, 1).ticks()
    assert 2 <= len(ticks) <= 7
    assert all(low - 1e-9 * abs(high) <= tick <= high + 1e-9 * abs(high) for tick in ticks)
