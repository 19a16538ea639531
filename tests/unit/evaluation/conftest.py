"""Specs to score against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perennial.spec import ModelSpec


@pytest.fixture
def make_spec() -> Callable[..., ModelSpec]:
    """Make a small spec: `make_spec("regression")`, `make_spec(positive="yes")`, `make_spec(gates={...})`."""

    def make(task: str = "classification", *, positive: Any = None, **evaluation: Any) -> ModelSpec:
        primary = "roc_auc" if task == "classification" else "rmse"
        return ModelSpec.model_validate(
            {
                "name": "late",
                "task": task,
                "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
                "target": {"column": "label", "positive": positive},
                "features": {"numeric": ["x"], "categorical": ["kind"]},
                "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
                "evaluation": {"holdout": {"days": 10}, "primary": primary, **evaluation},
            }
        )

    return make
