from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeRegressor

from perennial.ensemble.mean import weighted_mean
from perennial.models.predictions import Predictions, Threshold, identical, predict

CHANCE = np.random.default_rng(3)
X = pd.DataFrame(CHANCE.normal(size=(120, 3)), columns=["a", "b", "c"])
Y = np.where(X["a"] > 0.5, 2, np.where(X["b"] > 0, 1, 0))


def probabilities(classes, rows):
    matrix = np.array(rows, dtype=np.float64)
    names = np.array(classes, dtype=object if any(isinstance(one, str) for one in classes) else None)
    return Predictions(names[matrix.argmax(axis=1)], tuple(classes), probabilities=matrix)


@pytest.mark.parametrize("weights", [[1, 1], [0.3, 0.7], [5, 0.02]])
def test_labels_equal_scikit_learns_soft_vote(weights):
    members = [("one", LogisticRegression()), ("other", GaussianNB())]
    vote = VotingClassifier(members, voting="soft", weights=weights).fit(X, Y)
    together = weighted_mean([predict(member, X) for member in vote.estimators_], weights)
    assert together.classes == (0, 1, 2)
    assert np.array_equal(together.values, vote.predict(X))
    np.testing.assert_allclose(together.probabilities, vote.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("weights", [[1, 1], [0.3, 0.7], [5, 0.02]])
def test_numbers_equal_scikit_learns_weighted_vote(weights):
    members = [("one", LinearRegression()), ("other", DecisionTreeRegressor(max_depth=3))]
    vote = VotingRegressor(members, weights=weights).fit(X, X["a"] * 3)
    together = weighted_mean([predict(member, X) for member in vote.estimators_], weights)
    np.testing.assert_allclose(together.values, vote.predict(X), rtol=1e-12)
    assert (together.classes, together.probabilities, together.decisions) == ((), None, None)


def test_a_label_that_a_member_does_not_know_has_no_probability_from_it():
    before = probabilities(["cat", "dog"], [[0.9, 0.1], [0.2, 0.8]])
    since = probabilities(["ant", "dog"], [[1.0, 0.0], [0.5, 0.5]])
    together = weighted_mean([before, since], [0.25, 0.75])
    assert together.classes == ("ant", "cat", "dog")
    np.testing.assert_allclose(together.probabilities, [[0.75, 0.225, 0.025], [0.375, 0.05, 0.575]])
    assert together.values.tolist() == ["ant", "dog"]


def test_labels_stay_known_when_the_one_member_that_knows_them_has_no_weight():
    together = weighted_mean([probabilities([0, 1], [[0.4, 0.6]]), probabilities([0, 2], [[0.1, 0.9]])], [1, 0])
    assert together.classes == (0, 1, 2)
    np.testing.assert_allclose(together.probabilities, [[0.4, 0.6, 0.0]])
    assert together.values.dtype.kind == "i"


def test_what_a_member_without_weight_says_does_not_matter():
    sound, broken = Predictions(np.array([1.0, 2.0])), Predictions(np.array([np.nan, np.inf]))
    assert weighted_mean([broken, sound], [0, 3]).values.tolist() == [1.0, 2.0]


def test_members_without_probabilities_vote():
    def said(*labels):
        return Predictions(np.array(labels), (0, 1), decisions=np.zeros((len(labels), 2)))

    together = weighted_mean([said(0, 1), said(1, 1), probabilities([0, 1], [[1.0, 0.0], [0.5, 0.5]])], [1, 2, 1])
    np.testing.assert_allclose(together.probabilities, [[0.5, 0.5], [0.125, 0.875]])
    assert together.decisions is None


def decided(probability, at=None):
    p = np.array(probability)
    threshold = None if at is None else Threshold(1, at)
    values = (p >= (0.5 if at is None else at)).astype(int)
    return Predictions(values, (0, 1), probabilities=np.column_stack([1 - p, p]), threshold=threshold)


def test_members_with_thresholds_meet_at_the_mean_of_them():
    together = weighted_mean([decided([0.2, 0.4], 0.1), decided([0.2, 0.4], 0.3)], [0.25, 0.75])
    assert together.threshold == Threshold(1, pytest.approx(0.25))
    assert together.values.tolist() == [0, 1]
    with_one_half = weighted_mean([decided([0.2, 0.4], 0.1), decided([0.2, 0.4])], [0.5, 0.5])
    assert with_one_half.threshold == Threshold(1, pytest.approx(0.3))
    assert weighted_mean([decided([0.2, 0.4], 0.1), decided([0.2, 0.4])], [0, 1]).threshold is None


def test_thresholds_of_other_labels_are_not_mixed():
    three = Predictions(np.array([0]), (0, 1, 2), probabilities=np.array([[0.4, 0.3, 0.3]]))
    together = weighted_mean([decided([0.4], 0.1), three], [0.5, 0.5])
    assert (together.threshold, together.values.tolist()) == (None, [0])


@pytest.mark.parametrize("model", [LogisticRegression(), GaussianNB()])
def test_one_member_alone_says_what_it_says_to_the_last_bit(model):
    alone = predict(model.fit(X, Y), X)
    assert identical(weighted_mean([alone], [0.3]), alone)


def test_no_rows_have_no_answers():
    none = Predictions(np.empty(0, dtype=np.int64), (0, 1), probabilities=np.empty((0, 2)))
    assert weighted_mean([none, none], [1, 1]).values.shape == (0,)


@pytest.mark.parametrize(
    ("answers", "weights", "what"),
    [
        ([Predictions(np.zeros(2)), Predictions(np.zeros(3))], [1, 1], "different numbers of rows"),
        ([Predictions(np.zeros(2))], [1, 1], "1 members and 2 weights"),
        ([Predictions(np.zeros(1)), Predictions(np.zeros(1), (0.0, 1.0))], [1, 1], "not of one task"),
        ([], [], "weights should be"),
    ],
)
def test_answers_that_do_not_fit_are_refused(answers, weights, what):
    with pytest.raises(ValueError, match=what):
        weighted_mean(answers, weights)
