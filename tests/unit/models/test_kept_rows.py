"""A model that is its training rows goes no further than the rows; one that learnt from them does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from perennial.errors import TrainingError
from perennial.models.kept_rows import refuse_kept_rows
from perennial.training.pipeline import build_pipeline

MakeSpec = Callable[..., Any]


def fitted(spec: Any, rows: pd.DataFrame) -> Any:
    return build_pipeline(spec).fit(rows[list(spec.features.input_columns)], rows[spec.target.column])


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("sklearn.neighbors.KNeighborsClassifier", {}),
        ("sklearn.svm.SVC", {}),
        ("sklearn.gaussian_process.GaussianProcessClassifier", {}),
        ("sklearn.semi_supervised.LabelSpreading", {}),
    ],
)
def test_a_model_that_keeps_rows_is_refused_with_a_way_out(
    make_spec: MakeSpec, rows: pd.DataFrame, estimator: str, params: dict[str, Any]
) -> None:
    spec = make_spec(estimator, region="eu", model={"params": params})

    with pytest.raises(TrainingError, match=r"keeps rows .* region 'eu' has no MLflow server of its own: name one"):
        refuse_kept_rows(fitted(spec, rows), spec)


def test_it_is_found_inside_another_model(make_spec: MakeSpec, rows: pd.DataFrame) -> None:
    from sklearn.ensemble import BaggingClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    bagged = make_pipeline(BaggingClassifier(KNeighborsClassifier(), n_estimators=2))
    bagged.fit(rows[["x"]], rows["label"])

    with pytest.raises(TrainingError, match="KNeighborsClassifier keeps rows"):
        refuse_kept_rows(bagged, make_spec(region="eu"))


@pytest.mark.parametrize(
    "estimator",
    [
        "sklearn.linear_model.LogisticRegression",
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.ensemble.GradientBoostingClassifier",
    ],
)
def test_a_model_that_learnt_from_rows_passes(make_spec: MakeSpec, rows: pd.DataFrame, estimator: str) -> None:
    spec = make_spec(estimator, region="eu")

    refuse_kept_rows(fitted(spec, rows), spec)
