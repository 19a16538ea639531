from __future__ import annotations

import pytest

from perennial.errors import TrainingError
from perennial.training.fit import prepare_fit

MODULE = """\
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

class Base(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.seen_ = len(X)
        return self

class Sound(Base):
    def transform(self, X): return np.asarray(X)

class DropsMissing(Base):
    def transform(self, X): return np.asarray(X.dropna())

class DropsMissingLater(Base):
    def transform(self, X):
        X = np.asarray(X)
        return X if len(X) == self.seen_ else X[~np.isnan(X).any(axis=1)]

class Sorts(Base):
    def transform(self, X): return np.sort(np.asarray(X), axis=0)

class CentresWhatIsThere(Base):
    def transform(self, X): return np.asarray(X - X.mean())

class OneForEachValue(Base):
    def transform(self, X): return np.asarray(X.iloc[:, :1].map(str)) == np.unique(X.iloc[:, 0].map(str))

class FailsOnFewRows(Base):
    def transform(self, X):
        if len(X) < 50:
            raise ValueError("too few")
        return np.asarray(X)
"""


@pytest.fixture
def fitted(make_spec, rows, tmp_path, monkeypatch):
    """Fit with one or more steps of a module of one's own, after a sound one."""
    (tmp_path / "own_steps.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    numbered = rows.assign(number=[float(i % 7) for i in range(len(rows))])

    def fit(*steps, estimator="sklearn.tree.DecisionTreeClassifier"):
        steps = [{"transformer": "own_steps.Sound", "columns": ["x"]}, *steps]
        features = {"numeric": ["x", "gap", "number"], "categorical": ["kind"], "steps": steps}
        made = prepare_fit(make_spec(estimator, features=features), numbered)
        made.run()
        return made

    return fit


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("DropsMissing", "gap", "made 348 rows from 400: a step must return one row for each, in the same order"),
        ("DropsMissingLater", "gap", "rows from 100: a step must return one row for each, in the same order"),
        ("Sorts", "number", "makes something else of a row when other rows are beside it, or reorders rows"),
        ("CentresWhatIsThere", "number", "makes something else of a row when other rows are beside it"),
        ("OneForEachValue", "number", "makes 7 columns of 100 rows and 1 of one row"),
        ("OneForEachValue", "gap", "made 349 columns in the fit and makes"),
        ("FailsOnFewRows", "number", "failed on 1 rows: ValueError: too few"),
    ],
)
def test_a_step_that_would_serve_something_else_is_named_with_its_place(fitted, name, column, said):
    with pytest.raises(TrainingError) as refused:
        fitted({"transformer": f"own_steps.{name}", "columns": [column]})
    assert f"features.steps[1] (own_steps.{name})" in str(refused.value)
    assert said in str(refused.value)


def test_the_same_holds_for_steps_whose_results_are_taken_and_for_those_that_take_all(fitted):
    inner = {"transformer": "own_steps.Sorts", "columns": ["number"], "name": "sorted"}
    with pytest.raises(TrainingError, match=r"features\.steps\[1\] \(own_steps\.Sorts\)"):
        fitted(inner, {"transformer": "own_steps.Sound", "columns": ["sorted"]})
    with pytest.raises(TrainingError, match=r"features\.steps\[1\] \(own_steps\.Sorts\)"):
        fitted({"transformer": "own_steps.Sorts", "columns": "all"})


def test_sound_steps_pass(fitted):
    fit = fitted(
        {"transformer": "own_steps.Sound", "columns": ["number"], "name": "sound"},
        {"transformer": "own_steps.Sound", "columns": ["sound", "gap"]},
        {"transformer": "own_steps.Sound", "columns": "all"},
    )
    assert fit.model.pipeline.n_features_in_ == 4


def test_a_step_that_fails_in_fit_is_named(fitted):
    with pytest.raises(
        TrainingError, match=r"features\.steps\[1\] \(sklearn\.decomposition\.PCA\) failed in fit: Value"
    ):
        fitted({"transformer": "sklearn.decomposition.PCA", "columns": ["gap"]})


def test_a_step_that_leaves_gaps_to_an_estimator_that_takes_none_is_named(fitted):
    scaler = {"transformer": "sklearn.preprocessing.StandardScaler", "columns": ["gap"]}
    with pytest.raises(TrainingError, match=r"features\.steps\[1\] .* leaves missing values") as refused:
        fitted(scaler, estimator="sklearn.linear_model.LogisticRegression")
    assert "sklearn.impute.SimpleImputer" in str(refused.value)


def test_an_estimator_that_fails_is_not_blamed_on_a_step(make_spec, rows):
    features = {"numeric": ["x"], "steps": [{"transformer": "sklearn.preprocessing.StandardScaler", "columns": ["x"]}]}
    spec = make_spec("sklearn.naive_bayes.MultinomialNB", features=features)
    with pytest.raises(TrainingError, match=r"MultinomialNB failed in fit on 400 rows: ValueError: Negative"):
        prepare_fit(spec, rows).run()
