from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from perennial.models.contract import ModelFormatContract
from perennial.models.formats.skops_format import SkopsFormat, SkopsModel
from perennial.models.model import Model
from perennial.spec import ModelSpec
from perennial.training.pipeline import build_pipeline


def fitted(
    estimator: str, task: str, frame: pd.DataFrame, truth: Any, params: Mapping[str, Any] | None = None
) -> Model:
    spec = ModelSpec.model_validate(
        {
            "name": "held_to_the_contract",
            "task": task,
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
            "target": {"column": "label"},
            "features": {"numeric": ["x", "gap"], "categorical": ["kind"]},
            "model": {"estimator": estimator, "params": params or {}},
            "evaluation": {"holdout": {"days": 10}, "primary": "f1" if task == "classification" else "rmse"},
        }
    )
    return SkopsModel(build_pipeline(spec).fit(frame, truth))


class PipelineContract(ModelFormatContract):
    format = SkopsFormat()
    estimators = ("", "")
    params: Mapping[str, Any] = {}

    def classifier(self, frame: pd.DataFrame, labels: Any) -> Model:
        return fitted(self.estimators[0], "classification", frame, labels, self.params)

    def regressor(self, frame: pd.DataFrame, values: Any) -> Model:
        return fitted(self.estimators[1], "regression", frame, values, self.params)


class TestBoosting(PipelineContract):
    params = {"max_iter": 10}
    estimators = (
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.ensemble.HistGradientBoostingRegressor",
    )


class TestLinear(PipelineContract):
    estimators = ("sklearn.linear_model.LogisticRegression", "sklearn.linear_model.Ridge")


class TestForest(PipelineContract):
    params = {"n_estimators": 10}
    estimators = ("sklearn.ensemble.RandomForestClassifier", "sklearn.ensemble.RandomForestRegressor")


def test_the_contract_names_a_format_that_forgets_what_it_was_told(tmp_path):
    class Forgetful(SkopsFormat):
        def read(self, path, trusted):
            model = super().read(path, trusted)
            model.pipeline[-1].set_params()
            model.pipeline[-1].coef_ = model.pipeline[-1].coef_ * 1.0000001
            return model

    class TestForgetful(TestLinear):
        format = Forgetful()

    with pytest.raises(AssertionError):
        TestForgetful().test_a_model_says_the_same_after_it_was_written_and_read(tmp_path)
