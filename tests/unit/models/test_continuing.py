from __future__ import annotations

import copy

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB

from perennial.models.boosted import BoostedClassifier
from perennial.models.continuing import cannot_continue, continue_fit

ROWS = np.random.default_rng(3).normal(size=(400, 3))
LABELS = (ROWS[:, 0] + np.random.default_rng(4).normal(size=400) > 0).astype(int)


@pytest.mark.parametrize(
    "estimator",
    [SGDClassifier(loss="log_loss", random_state=1), GaussianNB()],
    ids=lambda one: type(one).__name__,
)
def test_passes_of_partial_fit_are_those_by_hand(estimator):
    estimator.fit(ROWS[:200], LABELS[:200])
    by_hand = copy.deepcopy(estimator)
    continue_fit(estimator, ROWS[200:], LABELS[200:], None, 3)
    for _ in range(3):
        by_hand.partial_fit(ROWS[200:], LABELS[200:])
    assert np.array_equal(estimator.predict_proba(ROWS), by_hand.predict_proba(ROWS))


@pytest.mark.parametrize(
    "estimator",
    [GradientBoostingClassifier(n_estimators=5, random_state=1), RandomForestRegressor(n_estimators=5, random_state=1)],
    ids=lambda one: type(one).__name__,
)
def test_trees_are_added_and_the_earlier_ones_stay(estimator):
    estimator.fit(ROWS[:200], LABELS[:200])
    before = [np.ravel(one)[0].predict(ROWS) for one in estimator.estimators_]
    continue_fit(estimator, ROWS[200:], LABELS[200:], None, 4)
    after = [np.ravel(one)[0].predict(ROWS) for one in estimator.estimators_]
    assert np.array_equal(after[:5], before)
    assert (len(after), estimator.warm_start) == (9, False)


def test_rounds_are_added_to_a_booster_with_labels_of_any_kind():
    labels = np.where(LABELS, "late", "early").astype(object)
    booster = BoostedClassifier(xgboost.XGBClassifier(n_estimators=6, n_jobs=1)).fit(ROWS[:200], labels[:200])
    continue_fit(booster, ROWS[200:], labels[200:], None, 4)
    assert booster.booster_.num_boosted_rounds() == 10
    assert list(booster.classes_) == ["early", "late"]
    assert (booster.predict(ROWS) == labels).mean() > 0.8


@pytest.mark.parametrize(
    ("estimator", "can"),
    [
        (LogisticRegression(warm_start=True), False),
        (SGDClassifier(), True),
        (SGDClassifier(early_stopping=True), False),
        (SGDClassifier(class_weight="balanced"), False),
        (HistGradientBoostingClassifier(), False),
        (RandomForestRegressor(), True),
        (xgboost.XGBRegressor(), True),
        (lightgbm.LGBMClassifier(), True),
    ],
    ids=lambda one: type(one).__name__,
)
def test_only_what_keeps_what_it_has_learnt_can_continue(estimator, can):
    assert (cannot_continue(estimator) == "") is can


def test_catboost_is_refused():
    catboost = pytest.importorskip("catboost")
    assert "CatBoostRegressor cannot continue" in cannot_continue(catboost.CatBoostRegressor())
