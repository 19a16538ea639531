from __future__ import annotations

import pytest

from perennial.linting.estimator import check_estimator
from perennial.spec import EvaluationSection, Model

MODULE = """\
from sklearn.base import BaseEstimator, ClassifierMixin

class TakesAny(ClassifierMixin, BaseEstimator):
    def __init__(self, **params): pass
    def fit(self, X, y): return self
    def predict(self, X): return X

class OnlyLabels(TakesAny):
    def __init__(self, depth=1): self.depth = depth

class Untagged:
    def __init__(self, depth=1): pass
    def fit(self, X, y): return self
    def predict(self, X): return X
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_estimators.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


def found(estimator, task="classification", evaluation=None, **model):
    findings = check_estimator(Model(estimator=estimator, **model), task, evaluation)
    return {".".join(map(str, path)): f"{message} ({hint})" for path, message, hint in findings}


@pytest.mark.parametrize(
    ("estimator", "task"),
    [
        ("sklearn.linear_model.LogisticRegression", "classification"),
        ("sklearn.ensemble.HistGradientBoostingRegressor", "regression"),
        ("sklearn.neighbors.KNeighborsClassifier", "classification"),
    ],
)
def test_a_good_estimator_is_not_complained_about(estimator, task):
    assert found(estimator, task) == {}


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        ("sklearn.linear_model.LogisticRegresion", "has no 'LogisticRegresion' (did you mean 'LogisticRegression'?)"),
        ("sklearn.linear_modl.Ridge", "no module 'sklearn.linear_modl' (did you mean 'sklearn.linear_model'?)"),
        ("sklern.linear_model.Ridge", "there is no module 'sklern' (did you mean 'sklearn'?)"),
        ("nothing_like_it.Ridge", "there is no module 'nothing_like_it' ()"),
        ("json.JSONDecoder.Ridge", "there is no module 'json.JSONDecoder'"),
        ("sklearn.base.clone", "a class with fit and predict is needed"),
        ("sklearn.preprocessing.StandardScaler", "a class with fit and predict is needed"),
        ("sklearn.cluster.KMeans", "for neither classification nor regression"),
        ("sklearn.linear_model.Ridge", "is not for classification: it is for regression"),
    ],
)
def test_what_is_no_estimator_for_the_task_is_said(estimator, said):
    assert said in found(estimator)["model.estimator"]


def test_unknown_parameters_are_said_each_with_the_nearest():
    assert found("sklearn.linear_model.LogisticRegression", params={"c": 1, "max_itr": 5, "xyz": 0}) == {
        "model.params.c": "LogisticRegression has no parameter 'c' (did you mean 'C'?)",
        "model.params.max_itr": "LogisticRegression has no parameter 'max_itr' (did you mean 'max_iter'?)",
        "model.params.xyz": "LogisticRegression has no parameter 'xyz' ()",
    }


def test_a_parameter_that_the_class_needs_is_missed():
    problems = found("sklearn.ensemble.VotingClassifier")
    assert problems == {"model.params": "VotingClassifier needs the parameter 'estimators' ()"}


def test_a_value_that_scikit_learn_would_refuse_in_fit_is_said_now():
    said = found("sklearn.linear_model.LogisticRegression", params={"C": "1e-3"})["model.params"]
    assert "must be a float" in said
    assert "Got '1e-3'" in said


def test_a_seed_without_use_is_said():
    assert "takes no random_state" in found("sklearn.neighbors.KNeighborsClassifier", seed=7)["model.seed"]
    assert found("sklearn.linear_model.LogisticRegression", seed=7) == {}


def test_metrics_that_need_probabilities_are_said_where_they_are_named():
    evaluation = EvaluationSection.model_validate(
        {
            "holdout": {"days": 7},
            "primary": "brier",
            "gates": {"minimum": {"f1": 0.5}, "maximum": {"log_loss": 0.5}},
        }
    )
    assert set(found("sklearn.svm.LinearSVC", evaluation=evaluation)) == {
        "evaluation.primary",
        "evaluation.gates.maximum.log_loss",
    }


def test_without_scores_to_rank_by_roc_auc_is_out_of_reach_too(own_module):
    evaluation = EvaluationSection.model_validate({"holdout": {"days": 7}, "primary": "roc_auc"})
    assert set(found("own_estimators.OnlyLabels", evaluation=evaluation)) == {"evaluation.primary"}


def test_a_class_that_takes_any_parameter_is_let_pass(own_module):
    assert found("own_estimators.TakesAny", params={"anything": 1}) == {}


def test_an_estimator_that_says_nothing_of_its_task_is_refused(own_module):
    assert "neither" in found("own_estimators.Untagged")["model.estimator"]


def test_without_a_sound_task_only_the_estimator_itself_is_checked():
    assert found("sklearn.linear_model.Ridge", task=None) == {}


def test_a_threshold_needs_probabilities_and_a_calibration_something_to_calibrate(own_module):
    threshold = {"imbalance": {"threshold": "f1"}}
    svc, evaluation = "sklearn.svm.LinearSVC", EvaluationSection(holdout={"days": 1}, primary="brier")
    said = found(svc, evaluation=evaluation, **threshold)
    assert "LinearSVC gives none (set model.calibration)" in said["model.imbalance.threshold"]
    assert found(svc, evaluation=evaluation, calibration="sigmoid", **threshold) == {}
    nothing = found("own_estimators.OnlyLabels", evaluation=evaluation, calibration="sigmoid")
    assert "neither decision_function nor predict_proba" in nothing["model.calibration"]


def test_weights_need_an_estimator_that_takes_them():
    weights = {"half_life_days": 30}
    assert found("sklearn.linear_model.LogisticRegression", weights=weights) == {}
    said = found("sklearn.neighbors.KNeighborsClassifier", weights=weights)
    assert "takes no sample_weight" in said["model.weights"]


def test_checkpoints_need_an_estimator_that_can_go_on():
    assert found("xgboost.XGBClassifier", checkpoint_minutes=5.0) == {}
    assert found("sklearn.ensemble.RandomForestClassifier", checkpoint_minutes=5.0) == {}
    said = found("sklearn.linear_model.LogisticRegression", checkpoint_minutes=5.0)
    assert "LogisticRegression cannot go on after an interruption" in said["model.checkpoint_minutes"]


def test_an_update_needs_an_estimator_that_keeps_what_it_has_learnt():
    update = {"iterations": 1, "full_every": 4}
    assert found("sklearn.linear_model.SGDClassifier", update=update) == {}
    assert found("lightgbm.LGBMClassifier", update=update) == {}
    said = found("sklearn.ensemble.HistGradientBoostingClassifier", update=update)
    assert "HistGradientBoostingClassifier cannot continue from a fitted state" in said["model.update"]
    lbfgs = found("sklearn.neural_network.MLPClassifier", update=update, params={"solver": "lbfgs"})
    assert "MLPClassifier cannot continue" in lbfgs["model.update"]
