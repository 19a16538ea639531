from __future__ import annotations

import pytest

from perennial.linting.steps import check_steps
from perennial.spec.steps import Step

SELECT = "sklearn.feature_selection.SelectKBest"


def found(transformer, columns="all", before=(), **params):
    steps = [*before, Step(transformer=transformer, columns=columns, params=params)]
    return {".".join(map(str, path)): f"{message} ({hint})" for path, message, hint in check_steps(steps)}


@pytest.mark.parametrize(
    ("transformer", "params"),
    [
        ("sklearn.preprocessing.TargetEncoder", {"smooth": 10.0}),
        ("sklearn.preprocessing.FunctionTransformer", {"func": {"import": "numpy.log1p"}}),
        (SELECT, {"score_func": {"import": "sklearn.feature_selection.f_regression"}}),
        ("sklearn.feature_selection.SelectFromModel", {"estimator": {"import": "sklearn.linear_model.Lasso"}}),
    ],
)
def test_good_steps_are_not_complained_about(transformer, params):
    assert found(transformer, **params) == {}


@pytest.mark.parametrize(
    ("transformer", "params", "place", "said"),
    [
        ("sklearn.decomposition.PCAA", {}, "transformer", "has no 'PCAA' (did you mean 'PCA'?)"),
        ("sklearn.decompositio.PCA", {}, "transformer", "(did you mean 'sklearn.decomposition'?)"),
        ("sklearn.decomposition.PCA", {"n_component": 2}, "params.n_component", "(did you mean 'n_components'?)"),
        ("sklearn.decomposition.PCA", {"n_components": -2}, "params", "refuses them: The 'n_components' parameter"),
        ("sklearn.feature_selection.SelectFromModel", {}, "params", "needs the parameter 'estimator'"),
        (SELECT, {"score_func": {"import": "sklearn.feature_selection.f_clasif"}}, "params.score_func.import", "'f_classif'"),
        (
            "sklearn.feature_selection.SelectFromModel",
            {"estimator": {"import": "sklearn.linear_model.Lasso", "params": {"alfa": 1}}},
            "params.estimator.params.alfa",
            "(did you mean 'alpha'?)",
        ),
        (SELECT, {"score_func": {"import": "sklearn.feature_selection.f_classif", "params": {"a": 1}}}, "params.score_func.params", "leave its params out"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_the_nearest(transformer, params, place, said):
    assert said in found(transformer, **params)[f"features.steps.0.{place}"]


def test_a_class_without_transform_is_no_transformer():
    said = found("sklearn.linear_model.LogisticRegression")
    assert "is not a transformer: a class with fit and transform is needed" in said["features.steps.0"]


def test_one_that_takes_a_named_column_cannot_take_results():
    scaled = Step(transformer="sklearn.preprocessing.StandardScaler", columns=["x"], name="scaled")
    said = found("sklearn.feature_extraction.text.TfidfVectorizer", ["scaled"], [scaled])
    assert "takes one named column at a time" in said["features.steps.1"]
    assert (
        "takes one named column at a time"
        in found("sklearn.feature_extraction.text.TfidfVectorizer")["features.steps.0"]
    )
