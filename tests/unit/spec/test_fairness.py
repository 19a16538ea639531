"""A section of fairness names sensitive columns, which the snapshot then has and the model does not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from perennial.spec import ModelSpec


def spec(task: str = "classification", **fairness: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "late",
            "task": task,
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
            "target": {"column": "label"},
            "features": {"numeric": ["x"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {
                "holdout": {"days": 10},
                "primary": "roc_auc" if task == "classification" else "rmse",
                "fairness": fairness,
            },
        }
    )


def test_sensitive_columns_are_in_the_snapshot_and_not_in_the_model() -> None:
    asked = spec(columns=["sex"], maximum={"error": 0.1})
    assert "sex" in asked.columns
    assert "sex" not in asked.training_columns


@pytest.mark.parametrize(
    ("task", "given", "said"),
    [
        ("classification", {"columns": ["sex"], "maximum": {}}, "name at least one of demographic_parity"),
        ("classification", {"columns": [], "maximum": {"error": 1}}, "at least 1 item"),
        ("regression", {"columns": ["sex"], "maximum": {"equalized_odds": 0.1}}, "is for classification only"),
    ],
)
def test_what_cannot_be_meant_is_refused(task: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        spec(task, **given)
