"""A model as an ONNX file says what the bundle says, or there is no file and a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perennial.errors import PackageError
from perennial.packages.onnx_file import build_onnx
from perennial.rehearsal.compare import differences
from perennial.rehearsal.driver import _onnx
from perennial.rehearsal.holdout import columns_of
from tests.packaged import bundled

pytest.importorskip("onnxruntime")
BOOSTING = "sklearn.ensemble.HistGradientBoosting"
AS_NUMBERS = {"max_iter": 10, "categorical_features": None}


def answers(file: Path, rows: pd.DataFrame) -> pd.DataFrame:
    given, predict, columns = _onnx(str(file))
    return pd.concat([pd.DataFrame(columns(predict(given(part)))) for part in columns_of(rows)], ignore_index=True)


@pytest.mark.parametrize(
    ("estimator", "target", "params", "allowed"),
    [
        ("sklearn.linear_model.LogisticRegression", "text_label", {}, 1e-6),
        ("sklearn.linear_model.Ridge", "amount", {}, 1e-12),
        (f"{BOOSTING}Classifier", "label", AS_NUMBERS, 1e-6),
        (f"{BOOSTING}Regressor", "amount", AS_NUMBERS, 1e-6),
    ],
)
def test_it_predicts_as_the_bundle_with_missing_infinite_and_unseen_values(
    tmp_path, estimator, target, params, allowed
):
    made = bundled(tmp_path / "bundle", estimator, target, params=params)
    unseen = made.inputs.head(20).assign(kind="never seen")
    rows = pd.concat([made.inputs, unseen, made.inputs.head(1).assign(kind=np.nan, gap=np.nan)], ignore_index=True)

    file = build_onnx(made.folder, made.manifest, name="late-orders", scratch=tmp_path)
    apart = differences(made.model.predict(rows), answers(file, rows), allowed)

    assert apart.each.max() <= allowed
    assert apart.labels_changed == 0


def test_numbers_as_large_as_timestamps_keep_their_differences(tmp_path):
    made = bundled(tmp_path / "bundle", "sklearn.linear_model.LogisticRegression", columns=("x", "gap"))
    rows = made.inputs.assign(x=made.inputs["x"] + 1.7e9)

    file = build_onnx(made.folder, made.manifest, name="late-orders", scratch=tmp_path)

    assert differences(made.model.predict(rows), answers(file, rows), 1e-6).each.max() <= 1e-6


def test_a_forest_without_missing_numbers_predicts_as_the_bundle(tmp_path):
    forest = "sklearn.ensemble.RandomForestClassifier"
    made = bundled(tmp_path / "bundle", forest, columns=("x",), params={"n_estimators": 3, "max_depth": 4})
    file = build_onnx(made.folder, made.manifest, name="late-orders", scratch=tmp_path)
    apart = differences(made.model.predict(made.inputs), answers(file, made.inputs), 1e-6)
    assert (apart.each.max() <= 1e-6, apart.labels_changed) == (True, 0)


@pytest.mark.parametrize(
    ("estimator", "params", "why"),
    [
        ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 5}, "whether a number is missing"),
        (f"{BOOSTING}Classifier", {"max_iter": 2}, "categories is converted wrongly"),
        ("sklearn.neighbors.NearestCentroid", {}, "NearestCentroid"),
    ],
)
def test_what_cannot_be_converted_rightly_is_refused_with_a_reason(tmp_path, estimator, params, why):
    made = bundled(tmp_path / "bundle", estimator, params=params)
    with pytest.raises(PackageError, match=why):
        build_onnx(made.folder, made.manifest, name="late-orders", scratch=tmp_path)
    assert not list(tmp_path.glob("*.onnx"))
