from __future__ import annotations

from typing import Any

import pytest

from perennial.linting.candidates import check_candidates
from perennial.spec import EvaluationSection, Model

LOGISTIC = "sklearn.linear_model.LogisticRegression"
TREE = {"estimator": "sklearn.tree.DecisionTreeClassifier", "search": {"max_depth": {"low": 1, "high": 8}}}


def found(
    *candidates: dict[str, Any], task: str = "classification", primary: str = "roc_auc", **parts: Any
) -> dict[str, str]:
    model = Model.model_validate({"candidates": candidates, "seed": 7, **parts})
    evaluation = EvaluationSection.model_validate({"holdout": {"days": 7}, "primary": primary})
    findings = check_candidates(model, task, evaluation)
    return {".".join(map(str, path)): f"{message} ({hint})" for path, message, hint in findings}


def test_good_candidates_are_not_complained_about_also_where_one_takes_no_seed():
    search = {
        "C": {"low": 0.01, "high": 10, "log": True},
        "solver": {"choices": ["lbfgs", "saga"]},
        "l1_ratio": {"low": 0.0, "high": 1.0, "when": {"solver": "saga"}},
        "class_weight": {"choices": [None, "balanced", {0: 1, 1: 3}]},
    }
    neighbours = {
        "estimator": "sklearn.neighbors.KNeighborsClassifier",
        "search": {"n_neighbors": {"low": 3, "high": 9}},
    }
    assert found({"estimator": LOGISTIC, "params": {"max_iter": 300}, "search": search}, TREE, neighbours) == {}


@pytest.mark.parametrize(
    ("candidate", "path", "said"),
    [
        ({"estimator": "sklearn.tree.Tree"}, "estimator", "module 'sklearn.tree' has no 'Tree'"),
        ({"estimator": "sklearn.linear_model.Ridge"}, "estimator", "is not for classification: it is for regression"),
        ({"estimator": LOGISTIC, "params": {"c": 1}}, "params.c", "has no parameter 'c' (did you mean 'C'?)"),
        (
            {"estimator": LOGISTIC, "search": {"max_itr": {"low": 1, "high": 9}}},
            "search.max_itr",
            "has no parameter 'max_itr' (did you mean 'max_iter'?)",
        ),
        (
            {"estimator": LOGISTIC, "search": {"C": {"low": -1.0, "high": 1.0}}},
            "search.C",
            "-1.0 is refused: LogisticRegression refuses them: The 'C' parameter",
        ),
        (
            {"estimator": LOGISTIC, "search": {"solver": {"choices": ["lbfgs", "lbfg"]}}},
            "search.solver",
            "'lbfg' is refused",
        ),
        ({"estimator": LOGISTIC, "params": {"C": "x"}}, "params", "refuses them"),
        ({"estimator": "sklearn.ensemble.VotingClassifier"}, "params", "needs the parameter 'estimators'"),
    ],
)
def test_what_is_wrong_with_a_candidate_is_said_at_its_place(candidate, path, said):
    problems = found(TREE, candidate)
    assert list(problems) == [f"model.candidates.1.{path}"]
    assert said in problems[f"model.candidates.1.{path}"]


def test_a_metric_that_one_candidate_cannot_give_is_said():
    assert (
        "LinearSVC gives none"
        in found(TREE, {"estimator": "sklearn.svm.LinearSVC"}, primary="brier")["evaluation.primary"]
    )


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"weights": {"half_life_days": 30}}, "model.weights"),
        ({"imbalance": {"class_weights": "balanced"}}, "model.imbalance.class_weights"),
    ],
)
def test_a_candidate_that_takes_no_weights_is_named_where_the_spec_has_some(parts, field):
    problems = found(TREE, {"estimator": "sklearn.neighbors.KNeighborsClassifier"}, **parts)
    assert list(problems) == ["model.candidates.1.estimator"]
    assert f"takes no sample_weight, which {field} needs" in problems["model.candidates.1.estimator"]
