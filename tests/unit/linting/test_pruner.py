from __future__ import annotations

import pytest

from perennial.linting.pruner import check_pruner
from perennial.spec import Model
from perennial.spec.tuning import Tuning


@pytest.mark.parametrize(
    ("estimator", "complaints"),
    [
        ("lightgbm.LGBMClassifier", 0),
        ("xgboost.XGBRegressor", 0),
        ("catboost.CatBoostClassifier", 1),
        ("sklearn.ensemble.HistGradientBoostingClassifier", 1),
    ],
)
def test_only_boosters_that_can_be_scored_while_they_grow_are_pruned_by_iterations(estimator, complaints):
    model = Model.model_validate({"candidates": [{"estimator": "lightgbm.LGBMRegressor"}, {"estimator": estimator}]})
    found = list(check_pruner(Tuning(pruner="iterations"), model))
    assert [one.path for one in found] == [("model", "candidates", 1, "estimator")] * complaints
    assert all(f"{estimator} cannot be scored while it is fitted" in one.message for one in found)
    assert not list(check_pruner(Tuning(pruner="median"), model))
