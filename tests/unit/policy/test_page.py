"""Figures on the page have the digits that they are known to, and can be read aloud."""

from __future__ import annotations

import math

import pytest

from perennial.policy.page import figure, with_error
from perennial.policy.records import Difference


@pytest.mark.parametrize(
    ("mean", "error", "said"),
    [
        (0.0167312, 0.004871, "+0.0167 ± 0.0049"),
        (-3.1867, 12.34, "-3 ± 12"),
        (1_234.56, 432.1, "+1,235 ± 432"),
        (0.5, 0.096, "+0.500 ± 0.096"),
        (0.25, math.nan, "+0.25"),
        (0.25, 0.0, "+0.25"),
        (0.0, 0.0, "–"),
        (math.nan, math.nan, "–"),
    ],
)
def test_a_difference_has_the_digits_that_its_error_leaves(mean, error, said):
    assert with_error(Difference(mean=mean, standard_error=error)) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.71, "0.7100"), (70.0, "70.00"), (12_345.6, "12,346"), (math.nan, "–"), (-0.25, "-0.2500")]
)
def test_scores_line_up_and_large_ones_are_written_out(value, said):
    assert figure(value) == said
