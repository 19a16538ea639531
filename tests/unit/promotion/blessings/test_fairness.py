"""A candidate is refused if it treats groups more differently than allowed, or if there are no groups to compare."""

from __future__ import annotations

import math
from typing import Any

from perennial.evaluation.records import GroupFigures, GroupsOf, Interval
from perennial.promotion.blessings.fairness import bless_fairness
from perennial.promotion.records import Blessing
from perennial.spec.fairness import FairnessSection
from tests.unit.promotion.test_verdict import evaluation


def group(name: str, rate: float) -> GroupFigures:
    rates = {"selection_rate": Interval(value=rate, low=rate - 0.1, high=rate + 0.1)}
    return GroupFigures(name=name, rows=500, candidate=rates, champion=rates)


def bless(*groups: GroupFigures, difference: float, **more: Any) -> Blessing:
    figures = {"demographic_parity": difference}
    found = GroupsOf(column="sex", groups=groups, candidate=figures, champion=figures, **more)
    asked = FairnessSection.model_validate({"columns": ["sex"], "maximum": {"demographic_parity": 0.1}})
    return bless_fairness(evaluation({"roc_auc": 0.7}, fairness=(found,)), asked)


def test_a_difference_above_the_maximum_is_refused_with_the_groups() -> None:
    blessing = bless(group("sex=f", 0.2), group("sex=m", 0.5), difference=0.3)
    assert blessing.outcome == "reject"
    assert blessing.sentence == (
        "demographic_parity by sex 0.3000 is above the maximum of 0.1000 (champion 0.3000): selection_rate 0.5000 for "
        "sex=m, 0.2000 for sex=f"
    )


def test_a_small_difference_is_blessed() -> None:
    blessing = bless(group("sex=f", 0.2), group("sex=m", 0.25), difference=0.05)
    assert blessing.outcome == "promote"
    assert "keeps to the maximum" in blessing.sentence


def test_one_group_says_nothing_about_fairness() -> None:
    blessing = bless(group("sex=f", 0.2), difference=math.nan, too_few_rows=2)
    assert blessing.outcome == "reject"
    assert blessing.sentence.startswith(
        "evaluation.fairness: 'sex' has fewer than two groups with at least 100 held-out rows (2 have fewer): there is "
        "nothing to compare"
    )


def test_a_difference_that_is_not_defined_is_refused() -> None:
    blessing = bless(group("sex=f", 0.2), group("sex=m", math.nan), difference=math.nan)
    assert blessing.outcome == "reject"
    assert "demographic_parity by sex is undefined: fewer than two groups have a selection_rate" in blessing.sentence
