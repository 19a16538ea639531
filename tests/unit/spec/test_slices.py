"""A section of slices names columns that the snapshot then has, and metrics of the task."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from perennial.spec import ModelSpec


def spec(**slices: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "late",
            "task": "classification",
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
            "target": {"column": "label"},
            "features": {"numeric": ["x"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"holdout": {"days": 10}, "primary": "roc_auc", "slices": slices},
        }
    )


def test_columns_of_slices_are_read_and_need_not_be_features() -> None:
    asked = spec(columns=["region", "x"], pairs=[["region", "age"]])
    assert set(asked.columns) == {"at", "x", "label", "region", "age"}
    assert "region" not in asked.training_columns


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "name at least one column"),
        ({"columns": ["a", "a"]}, "named twice: a"),
        ({"pairs": [["a", "a"]]}, "'a' is paired with itself"),
        ({"columns": ["a"], "metric": "rmse"}, "'rmse' is not a metric of classification"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        spec(**given)
