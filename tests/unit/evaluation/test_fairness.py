"""Differences between groups are those of Fairlearn, and each rate has an interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn

from perennial.evaluation.fairness import measure_fairness
from perennial.evaluation.judged import Judged
from perennial.evaluation.plots.fairness import draw_fairness
from perennial.evaluation.records import GroupsOf
from perennial.models.predictions import Predictions
from perennial.spec.fairness import RATES, FairnessSection

ROWS = 3000
RNG = np.random.default_rng(11)
FRAME = pd.DataFrame({
    "at": pd.date_range("2013-01-01", periods=ROWS, freq="h", tz="UTC"),
    "sex": RNG.choice(["f", "m", "x"], ROWS, p=[0.5, 0.45, 0.05]),
    "age": RNG.integers(18, 90, ROWS).astype("float64"),
})  # fmt: skip
TRUTH = RNG.integers(0, 2, ROWS)
P = np.clip(0.3 + 0.3 * TRUTH + 0.2 * (FRAME["sex"] == "m") + RNG.normal(0, 0.2, ROWS), 0, 1).to_numpy()
SAID = (P > 0.5).astype(int)
OF_FAIRLEARN = {
    "demographic_parity": fairlearn.demographic_parity_difference,
    "equalized_odds": fairlearn.equalized_odds_difference,
    "equal_opportunity": fairlearn.equal_opportunity_difference,
    "error": fairlearn.zero_one_loss_difference,
}


def asked(**more: Any) -> FairnessSection:
    return FairnessSection.model_validate({"columns": ["sex"], "maximum": dict.fromkeys(RATES, 0.1)} | more)


def measure(spec: Any, *models: Predictions, truth: Any = TRUTH, weights: Any = None, **more: Any) -> GroupsOf:
    labels = (0, 1) if models[0].classes else None
    return measure_fairness(spec, asked(**more), Judged(FRAME, truth, models, labels, weights))[0]


def said(values: Any) -> Predictions:
    return Predictions(values, (0, 1))


@pytest.mark.parametrize("weights", [None, RNG.random(ROWS)])
def test_differences_are_those_of_fairlearn(make_spec, weights: Any) -> None:
    found = measure(make_spec(), said(SAID), said(1 - SAID), weights=weights)
    for values, differences in ((SAID, found.candidate), (1 - SAID, found.champion)):
        expected = {
            name: function(TRUTH, values, sensitive_features=FRAME["sex"], sample_weight=weights)
            for name, function in OF_FAIRLEARN.items()
        }
        assert differences == pytest.approx(expected)


def test_each_rate_of_each_group_has_an_interval_of_its_size(make_spec) -> None:
    found = measure(make_spec(), said(SAID))
    (women,) = [group for group in found.groups if group.name == "sex=f"]
    rate = women.candidate["selection_rate"]
    share = SAID[FRAME["sex"] == "f"].mean()
    assert rate.value == pytest.approx(share)
    # The rows are independent, so the interval is about that of a share of so many rows.
    assert (rate.high - rate.low) / 2 == pytest.approx(2.26 * math.sqrt(share * (1 - share) / women.rows), rel=0.5)
    assert draw_fairness([found])["fairness.png"].startswith(b"\x89PNG")


def test_small_groups_are_left_out_and_numbers_are_cut_by_quantile(make_spec) -> None:
    found = measure(make_spec(), said(SAID), min_rows=300)
    assert ([group.name for group in found.groups], found.too_few_rows) == (["sex=f", "sex=m"], 1)
    ages = measure(make_spec(), said(SAID), columns=["age"], quantiles=3)
    assert len(ages.groups) == 3


def test_a_regression_has_the_mean_absolute_error_of_each_group(make_spec) -> None:
    truth, answers = P * 10, P * 10 + np.where(FRAME["sex"] == "m", 2.0, 1.0)
    found = measure(make_spec("regression"), Predictions(answers), truth=truth, maximum={"error": 1})
    assert found.candidate == {"error": pytest.approx(1.0)}


def test_a_group_without_the_positive_label_has_no_true_positive_rate(make_spec) -> None:
    truth = np.where(FRAME["sex"] == "f", TRUTH, 0)
    found = measure(make_spec(), said(SAID), truth=truth)
    assert math.isnan(found.candidate["equal_opportunity"])
    assert math.isfinite(found.candidate["demographic_parity"])
