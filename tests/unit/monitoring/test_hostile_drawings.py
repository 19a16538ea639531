"""The report's drawings can be made of any text and any numbers, and are sound SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perennial.drift.statistics.labels import count_labels
from perennial.monitoring.report.svg import Steps, draw_distributions, draw_losses, draw_shares

quick = settings(max_examples=60, deadline=None, derandomize=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.floats() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1.7e308, -1.7e308, 5e-324])
columns = st.lists(numbers, min_size=1, max_size=9).map(np.array)


@quick
@given(before=columns, now=columns, location=st.none() | numbers)
@example(before=np.array([-1.7e308, 1.7e308]), now=np.array([1.7e308]), location=1.7e308)
@example(before=np.array([1e16, 1e16]), now=np.array([1e16]), location=1e16)
@example(before=np.array([0.0, 5e-324]), now=np.array([0.0]), location=0.0)
def test_any_numbers_have_their_distributions_drawn(
    before: np.ndarray, now: np.ndarray, location: float | None
) -> None:
    svg = draw_distributions(Steps.of_rows(before), Steps.of_rows(now), location=location, distance=0.5)
    ElementTree.fromstring(svg)
    assert "nan" not in svg


@quick
@given(st.lists(st.tuples(texts, st.floats(0, 1), st.floats(0, 1)), max_size=5))
@example([("\0\x1b[31m\n", 0.5, 0.5), ("\u202eabc", 0.1, 0.1), ("</text><script>", 0, 0), ("x" * 10_000, 0, 1)])
def test_any_labels_have_their_shares_drawn(rows: list[tuple[str, float, float]]) -> None:
    ElementTree.fromstring(draw_shares(rows))


@quick
@given(losses=columns, statistic=numbers, center=numbers.filter(np.isfinite), threshold=st.floats(0, 1.7e308))
def test_any_losses_are_drawn(losses: np.ndarray, statistic: float, center: float, threshold: float) -> None:
    statistics = np.full(losses.size, statistic)
    ElementTree.fromstring(
        draw_losses(losses, statistics, center=center, threshold=threshold, detections=[0], ends=("a", "b"))
    )


@pytest.mark.parametrize("values", [["a", "a\0"], ["", "\0\0"], ["\0a", "a"]])
def test_labels_that_differ_by_a_nul_are_counted(values: list[str]) -> None:
    labels, _ = count_labels(np.array(values, dtype=object))
    assert labels.n == 2
    assert len(set(labels.values.tolist())) == len(labels.values)
    assert (labels.positions(labels.values) >= 0).all()
