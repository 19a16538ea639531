from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from perennial.models.predictions import predict

CHANCE = np.random.default_rng(5)
X = pd.DataFrame(CHANCE.normal(size=(200, 3)), columns=["a", "b", "c"])
Y = (X["a"] > 0).astype(int)


class Counted:
    """A transform that knows how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        self.calls += 1
        return frame


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC(), Ridge()])
def test_a_pipeline_answers_as_if_it_were_asked_itself(estimator):
    model = make_pipeline(StandardScaler(), estimator).fit(X, Y)
    answers = predict(model, X)
    assert np.array_equal(answers.values, model.predict(X))
    if hasattr(model, "predict_proba"):
        assert np.array_equal(answers.probabilities, model.predict_proba(X))
    if hasattr(model, "decision_function"):
        assert answers.ranking is not None


def test_a_pipelines_features_are_made_once_for_all_questions():
    counted = Counted()
    model = make_pipeline(FunctionTransformer(counted), LogisticRegression()).fit(X, Y)
    counted.calls = 0
    predict(model, X)
    assert counted.calls == 1


def test_a_pipeline_of_an_estimator_alone_is_asked_itself():
    model = make_pipeline(LogisticRegression()).fit(X, Y)
    assert np.array_equal(predict(model, X).probabilities, model.predict_proba(X))


@pytest.mark.parametrize("labels", [(0, 1), ("no", "yes"), (1, 2, 3)])
def test_boosted_trees_are_asked_once_and_give_the_labels_that_they_would_say_themselves(monkeypatch, labels):
    truth = np.array(labels)[CHANCE.integers(len(labels), size=len(X))]
    model = HistGradientBoostingClassifier(max_iter=5).fit(X, truth)
    said = model.predict(X)
    monkeypatch.setattr(model, "predict", None)
    assert np.array_equal(predict(model, X).values, said)
