from __future__ import annotations

from pathlib import Path

import pytest

from perennial.linting.lint import lint_paths
from perennial.linting.onnx import check_onnx
from perennial.spec import Features
from perennial.spec.model import Model

pytest.importorskip("skl2onnx")

LOGISTIC, BOOSTING = "sklearn.linear_model.LogisticRegression", "sklearn.ensemble.HistGradientBoostingClassifier"
THRESHOLD = {"column": "sex", "method": "threshold", "constraint": "equal_opportunity"}
REDUCTIONS = {"column": "sex", "method": "reductions", "constraint": "equalized_odds"}
MIXED = Features(numeric=("x",), categorical=("kind",))


def found(model, features=MIXED):
    return {".".join(map(str, one.path)): one.message for one in check_onnx(Model.model_validate(model), features)}


@pytest.mark.parametrize(
    "model",
    [
        {"estimator": LOGISTIC},
        {"estimator": BOOSTING, "params": {"categorical_features": None}},
        {"estimator": LOGISTIC, "mitigation": {"column": "sex", "method": "reweighting"}},
    ],
)
def test_what_is_converted_is_not_complained_about(model):
    assert found(model) == {}


@pytest.mark.parametrize(
    ("model", "path", "said"),
    [
        (
            {"estimator": "sklearn.neighbors.NearestCentroid"},
            "model.estimator",
            "skl2onnx cannot convert NearestCentroid",
        ),
        ({"estimator": BOOSTING}, "model.estimator", "with categories is converted wrongly"),
        ({"estimator": LOGISTIC, "calibration": "sigmoid"}, "model.calibration", "calibrated probabilities"),
        (
            {"estimator": LOGISTIC, "imbalance": {"threshold": "f1"}},
            "model.imbalance.threshold",
            "a decision threshold",
        ),
        ({"estimator": LOGISTIC, "mitigation": THRESHOLD}, "model.mitigation.method", "thresholds by group"),
        ({"estimator": LOGISTIC, "mitigation": REDUCTIONS}, "model.mitigation.method", "the models of reductions"),
        ({"estimator": LOGISTIC, "ensemble": {"members": 2}}, "model.ensemble", "one ONNX file holds one"),
        (
            {"candidates": [{"estimator": LOGISTIC}, {"estimator": "sklearn.neighbors.NearestCentroid"}]},
            "model.candidates.1.estimator",
            "cannot convert NearestCentroid",
        ),
    ],
)
def test_what_is_not_converted_is_named_where_the_spec_says_it(model, path, said):
    messages = found(model)
    assert list(messages) == [path]
    assert said in messages[path]


def test_a_booster_of_a_library_is_named():
    pytest.importorskip("lightgbm", reason="the extra boosting is not installed")
    assert "a booster of lightgbm" in found({"estimator": "lightgbm.LGBMClassifier"})["model.estimator"]


def test_features_that_are_not_converted_are_named():
    steps = [{"transformer": "sklearn.preprocessing.StandardScaler", "columns": ["x"]}]
    features = Features(numeric=("x",), text=("words",), datetime=("when",), steps=steps)
    messages = found({"estimator": LOGISTIC}, features)
    assert list(messages) == ["features.steps.0", "features.text", "features.datetime"]
    assert "StandardScaler is not converted" in messages["features.steps.0"]


def test_only_a_spec_that_asks_for_onnx_is_looked_at(tmp_path: Path):
    spec = f"""
name: late
task: classification
source: {{uri: rows/, event_time: at, window: {{days: 60}}}}
target: {{column: label}}
features: {{numeric: [x], categorical: [kind]}}
model: {{estimator: {BOOSTING}}}
evaluation: {{holdout: {{days: 10}}, primary: roc_auc}}
"""
    (tmp_path / "plain.yaml").write_text(spec)
    assert lint_paths([tmp_path / "plain.yaml"])[1] == []
    (tmp_path / "packaged.yaml").write_text(spec + "packages: [onnx]\n")
    (problem,) = lint_paths([tmp_path / "packaged.yaml"])[1]
    assert (problem.field, problem.is_warning) == ("model.estimator", False)
