from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor

from perennial.training.checkpoints.parts import asked_iterations, cannot_resume, fit_in_parts

catboost = pytest.importorskip("catboost", reason="the extra catboost is not installed")
lightgbm = pytest.importorskip("lightgbm", reason="the extra boosting is not installed")

CHANCE = np.random.default_rng(3)
ROWS = CHANCE.normal(size=(300, 5))
ROWS[:, 4] = CHANCE.integers(0, 5, 300)
NUMBERS = ROWS[:, 0] * ROWS[:, 1] + CHANCE.normal(size=300)
LABELS = np.where(NUMBERS > 0, "late", "early").astype(object)
WEIGHTS = CHANCE.uniform(0.5, 2, 300)
ONE_BY_ONE = 1e-9

RESUMING = [
    BaggingClassifier(n_estimators=12, max_features=0.6),
    BaggingRegressor(n_estimators=12),
    ExtraTreesClassifier(12, class_weight="balanced"),
    ExtraTreesRegressor(12),
    GradientBoostingClassifier(n_estimators=12, subsample=0.6, max_features=0.5),
    GradientBoostingRegressor(n_estimators=12, subsample=0.5),
    HistGradientBoostingClassifier(max_iter=12, categorical_features=[4]),
    HistGradientBoostingRegressor(max_iter=40, early_stopping=True, n_iter_no_change=8, max_features=0.5),
    MLPClassifier((8,), max_iter=30),
    MLPClassifier((8,), max_iter=60, solver="sgd", learning_rate="adaptive", tol=1e-2, n_iter_no_change=2),
    MLPRegressor(hidden_layer_sizes=(8, 4), max_iter=200, tol=1e-2, n_iter_no_change=3, batch_size=32),
    MLPRegressor(hidden_layer_sizes=(8,), max_iter=9, shuffle=False),
    RandomForestClassifier(12, max_features=0.5),
    RandomForestRegressor(12, max_samples=0.5),
]


class Killed(Exception):
    """What ends a fit in the middle."""


def answers_of(estimator):
    return estimator.predict_proba(ROWS) if hasattr(estimator, "predict_proba") else estimator.predict(ROWS)


@pytest.mark.parametrize("estimator", RESUMING, ids=lambda one: type(one).__name__)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:class_weight presets")
def test_a_fit_that_is_resumed_anywhere_gives_what_one_plain_fit_gives(estimator):
    estimator = clone(estimator).set_params(random_state=4)
    # Each fit of histogram boosting takes a second with weights, for its bins.
    weights = None if "max_bins" in estimator.get_params() else WEIGHTS
    target, made, states = LABELS if hasattr(estimator, "predict_proba") else NUMBERS, [], []
    assert cannot_resume(estimator) == ""

    def keep(iterations, state):
        made.append(iterations)
        states.append(state() if iterations % 4 == 1 else b"")

    plain, whole = clone(estimator).fit(ROWS, target, sample_weight=weights), clone(estimator)
    fit_in_parts(whole, None, keep, ROWS, target, weights, part_s=ONE_BY_ONE)
    assert np.array_equal(answers_of(whole), answers_of(plain))
    assert made == list(range(1, len(made) + 1))
    assert 4 < len(made) <= asked_iterations(estimator)

    state = [one for one in states if one][len(made) // 8]
    resumed, more = clone(estimator), []
    fit_in_parts(resumed, state, lambda made, _: more.append(made), ROWS, target, weights, part_s=ONE_BY_ONE)
    assert np.array_equal(answers_of(resumed), answers_of(plain))
    assert more == made[len(made) - len(more) :]
    assert 0 < len(more) < len(made)
    assert resumed.get_params() == estimator.get_params()
    assert getattr(resumed, "n_iter_", None) == getattr(plain, "n_iter_", None)


def test_parts_of_trees_grow_until_one_takes_long_enough():
    made = []
    forest = RandomForestRegressor(100, random_state=1, n_jobs=2, max_depth=2)
    fit_in_parts(forest, None, lambda trees, _: made.append(trees), ROWS, NUMBERS, None, part_s=1e9)
    assert made == [2, 6, 14, 30, 62, 100]


def test_a_network_that_ends_at_its_last_pass_says_so():
    network = MLPClassifier((4,), max_iter=3, random_state=1)
    with pytest.warns(ConvergenceWarning, match="after 3 passes, which is max_iter"):
        fit_in_parts(network, None, lambda *_: None, ROWS, LABELS, None, part_s=ONE_BY_ONE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        patient = MLPClassifier((4,), max_iter=90, tol=1.0, n_iter_no_change=2, random_state=1)
        fit_in_parts(patient, None, lambda *_: None, ROWS, LABELS, None, part_s=ONE_BY_ONE)
    assert patient.n_iter_ < 90


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (AdaBoostClassifier(), "AdaBoostClassifier cannot go on after an interruption"),
        (SGDClassifier(), "SGDClassifier cannot go on after an interruption"),
        (catboost.CatBoostClassifier(), "CatBoostClassifier cannot go on after an interruption"),
        (GradientBoostingClassifier(n_iter_no_change=5), "forgets its losses"),
        (HistGradientBoostingRegressor(scoring="r2"), "keeps a scorer"),
        (MLPRegressor(solver="lbfgs"), "solver lbfgs makes no passes"),
        (MLPRegressor(early_stopping=True), "would test on other rows in each pass"),
        (lightgbm.LGBMClassifier(), ""),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_what_would_end_as_another_model_is_refused(estimator, why):
    said = cannot_resume(estimator)
    assert why in said
    assert bool(why) == bool(said)
