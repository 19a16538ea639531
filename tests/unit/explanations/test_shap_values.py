"""SHAP values are named by the user's features, whatever the pipeline makes of them, or it is said why there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perennial.explanations.deadline import Deadline
from perennial.explanations.not_explained import NotExplained
from perennial.explanations.shap_values import made_of, shap_importances
from tests.packaged import bundled

SECONDS = 600


@pytest.mark.parametrize("estimator", [
    "sklearn.linear_model.LogisticRegression",
    "sklearn.ensemble.RandomForestClassifier",
    "lightgbm.LGBMClassifier",
    "xgboost.XGBClassifier",
])  # fmt: skip
def test_a_feature_that_tells_most_of_the_label_comes_first(tmp_path: Path, estimator: str) -> None:
    made = bundled(tmp_path / "one", estimator)

    found, rows = shap_importances(made.model.pipeline, made.inputs.head(150), Deadline(SECONDS))

    assert rows == 150
    assert {one.features for one in found} <= {("x",), ("gap",), ("kind",)}
    assert found[0].features == ("x",)
    assert sum(one.share for one in found) == pytest.approx(1)


def test_of_a_linear_model_they_are_its_terms(tmp_path: Path) -> None:
    made = bundled(tmp_path / "one", "sklearn.linear_model.Ridge", "amount", columns=("x",))
    pipeline, rows = made.model.pipeline, made.inputs.head(100)
    prepared = np.asarray(pipeline[:-1].transform(rows))

    found, _ = shap_importances(pipeline, rows, Deadline(SECONDS))

    terms = ((prepared - prepared.mean(axis=0)) * pipeline[-1].coef_).sum(axis=1)
    assert found[0].size == pytest.approx(np.abs(terms).mean())


def test_columns_are_named_by_what_changes_them(tmp_path: Path) -> None:
    made = bundled(tmp_path / "one", "sklearn.linear_model.LogisticRegression")
    preparation = made.model.pipeline[:-1]

    names = made_of(preparation, made.inputs, Deadline(SECONDS))

    shown = preparation.get_feature_names_out()
    for features, columns in names.items():
        assert len(features) == 1
        assert all(f"__{features[0]}" in shown[column] or f"_{features[0]}" in shown[column] for column in columns)
    assert sorted(column for columns in names.values() for column in columns) == list(range(len(shown)))


def test_values_that_do_not_add_up_to_the_prediction_are_refused(tmp_path: Path) -> None:
    kinds = bundled(tmp_path / "one", "sklearn.ensemble.HistGradientBoostingClassifier")
    with pytest.raises(NotExplained, match="do not add up"):
        shap_importances(kinds.model.pipeline, kinds.inputs, Deadline(SECONDS))
    numbers = bundled(tmp_path / "two", "sklearn.ensemble.HistGradientBoostingClassifier", columns=("x", "gap"))
    assert shap_importances(numbers.model.pipeline, numbers.inputs.head(100), Deadline(SECONDS))[0][0].features == (
        "x",
    )


def test_an_estimator_that_shap_does_not_take_is_named(tmp_path: Path) -> None:
    made = bundled(tmp_path / "one", "sklearn.neighbors.KNeighborsClassifier")
    with pytest.raises(NotExplained, match="takes no KNeighborsClassifier"):
        shap_importances(made.model.pipeline, made.inputs, Deadline(SECONDS))
    linear = bundled(tmp_path / "two", "sklearn.linear_model.LogisticRegression")
    with pytest.raises(NotExplained, match="the time was over"):
        shap_importances(linear.model.pipeline, linear.inputs, Deadline(0))
