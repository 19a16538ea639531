"""Specs to score against."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.spec import ModelSpec
from tests.unit.evaluation.retrained import Model, make_rows


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


@pytest.fixture(scope="module")
def tracking_uri(mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    database = tmp_path_factory.mktemp("evaluate") / "mlflow.db"
    shutil.copyfile(mlflow_template, database)
    return f"sqlite:///{database}"


@pytest.fixture
def model(tracking_uri: str, tmp_path: Path) -> Model:
    made = Model(tmp_path, tracking_uri)
    made.land(make_rows())
    return made
