"""The drawings of a card: any numbers and names can be drawn, and stand where their axis says."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perennial.evaluation.records import Interval
from perennial.explanations.records import Dependence
from perennial.model_card.axis import Axis
from perennial.model_card.bars import draw_intervals
from perennial.model_card.curves import draw_dependence

HOSTILE = "<script>alert(1)</script>&\"'"
values = st.lists(st.floats(), min_size=1, max_size=5)
quick = settings(max_examples=50, deadline=None)


@quick
@given(values)
@example([1.7e308, -1.7e308])
@example([0.0, 5e-324])
@example([1e16, 1e16 + 2])
@example([1e300, math.nan, math.inf])
def test_an_axis_has_all_values_and_a_few_numbers_that_say_where_they_are(found: list[float]) -> None:
    axis = Axis.over(found, 10, 110)
    for value in found:
        if abs(value) <= 1e300:
            assert 10 <= axis.at(value) <= 110
    places = [axis.at(value) for value, _ in axis.ticks]
    assert 1 <= len(places) <= 8
    assert all(9.9 <= place <= 110.1 for place in places)
    assert all(float(said) == pytest.approx(value, rel=1e-5) for value, said in axis.ticks)
    if axis.low <= 0 <= axis.high:
        assert "0" in [said for _, said in axis.ticks]


def test_numbers_beside_an_axis_are_round() -> None:
    assert [said for _, said in Axis.over([0.123, 0.987], 0, 1).ticks] == ["0.2", "0.4", "0.6", "0.8", "1"]


@quick
@given(values, st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_whatever_was_found_is_drawn_in_sound_svg(found: list[float], name: str) -> None:
    interval = Interval(value=found[0], low=min(found), high=max(found))
    drawn = draw_intervals([(name, interval, interval), (HOSTILE, interval, None)], from_zero=True)
    assert not drawn or ElementTree.fromstring(drawn).tag == "svg"
    assert not drawn or HOSTILE in ElementTree.fromstring(drawn).itertext()


@pytest.mark.parametrize(("numbers", "lines"), [((1.0, 2.0, 4.0), 2), ((), 0)], ids=["numbers", "categories"])
def test_a_dependence_has_a_dot_for_each_mean_and_lines_between_numbers_only(
    numbers: tuple[float, ...], lines: int
) -> None:
    means = {"a": (0.1, 0.2, 0.3), HOSTILE: (0.9, 0.8, 0.7)}
    drawn = ElementTree.fromstring(
        draw_dependence(Dependence(feature=HOSTILE, values=("1", "2", "4"), numbers=numbers, curves=means))
    )
    assert HOSTILE in drawn.itertext()
    assert len(drawn.findall("circle")) == 6
    assert len(drawn.findall("polyline")) == lines
    first, second = (drawn.findall(f"circle[@class='curve{number}']") for number in range(2))
    assert float(first[0].attrib["cy"]) > float(first[2].attrib["cy"]) > float(second[0].attrib["cy"])
