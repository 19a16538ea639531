"""`model.candidates` and `tuning`: what a search may be, and what is said of one that cannot be."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from perennial.digests import recipe_digest, retraining_digest, space_digest
from perennial.spec import ModelSpec
from perennial.spec.candidates import CandidateEstimator
from perennial.spec.reading.messages import explain
from perennial.stages import STAGES, stages_of

LOGISTIC = {
    "estimator": "sklearn.linear_model.LogisticRegression",
    "params": {"max_iter": 500},
    "search": {
        "l1_ratio": {"low": 0.0, "high": 1.0, "when": {"solver": "saga"}},
        "C": {"low": 0.001, "high": 10, "log": True},
        "solver": {"choices": ["lbfgs", "saga"]},
    },
}
TREE = {"estimator": "sklearn.tree.DecisionTreeClassifier", "search": {"max_depth": {"low": 1, "high": 8, "step": 2}}}
SPEC: dict[str, Any] = {
    "name": "late",
    "task": "classification",
    "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
    "target": {"column": "label"},
    "features": {"numeric": ["x"]},
    "model": {"candidates": [LOGISTIC, TREE]},
    "tuning": {"trials": 20},
    "evaluation": {"holdout": {"days": 10}, "primary": "roc_auc"},
}


def spec_with(change: Callable[[dict[str, Any]], object] = lambda _: None) -> ModelSpec:
    content = copy.deepcopy(SPEC)
    change(content)
    return ModelSpec.model_validate(content)


def complaint(change: Callable[[dict[str, Any]], object]) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        spec_with(change)
    (path, message, hint), *_ = map(explain, caught.value.errors())
    return ".".join(map(str, path)), f"{message} {hint}".strip()


def search_of(spec: dict[str, Any]) -> dict[str, Any]:
    return spec["model"]["candidates"][0]["search"]


def test_a_parameter_comes_after_those_that_it_depends_on():
    order = spec_with().model.candidates[0].order
    assert sorted(order) == ["C", "l1_ratio", "solver"]
    assert order.index("solver") < order.index("l1_ratio")


def test_a_range_of_whole_bounds_is_whole():
    depth, c = spec_with().model.candidates[1].search["max_depth"], spec_with().model.candidates[0].search["C"]
    assert (depth.is_whole, c.is_whole) == (True, False)


@pytest.mark.parametrize(
    ("search", "size"),
    [
        ({}, 1),
        ({"a": {"choices": [1, 2, None]}, "b": {"low": 1, "high": 8, "step": 2}}, 12),
        ({"a": {"low": 0.0, "high": 1.0, "step": 0.1}}, 11),
        ({"a": {"low": 0.0, "high": 1.0}}, float("inf")),
    ],
)
def test_the_points_of_a_grid_are_counted(search, size):
    assert CandidateEstimator.model_validate({"estimator": "a.B", "search": search}).size == size


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (lambda s: s["model"].update(estimator="a.B"), "model", "give either estimator, or candidates"),
        (lambda s: s.update(model={}), "model", "give either estimator, or candidates"),
        (lambda s: s["model"].update(params={"C": 1}), "model", "params belong to estimator"),
        (lambda s: s.update(model={"estimator": "a.B"}), "tuning", "nothing to search: name model.candidates"),
        (lambda s: search_of(s).update(C={"low": 2}), "model.candidates.0.search.C", "give low and high, or choices"),
        (lambda s: search_of(s).update(C={"low": 2, "high": 1}), "model.candidates.0.search.C", "2 is not below 1"),
        (lambda s: search_of(s).update(C={"low": 0, "high": 1, "log": True}), "model.candidates.0.search.C", "above 0"),
        (lambda s: search_of(s).update(C={"low": 1, "high": True}), "model.candidates.0.search.C.high", "not true"),
        (lambda s: search_of(s).update(C={"low": 1, "hihg": 2}), "model.candidates.0.search.C.hihg", "mean 'high'?"),
        (lambda s: search_of(s).update(C={"choices": [1, 1.0]}), "model.candidates.0.search.C", "named twice"),
        (lambda s: search_of(s).update(C={"choices": [1], "low": 1}), "model.candidates.0.search.C", "leave low out"),
        (
            lambda s: search_of(s)["l1_ratio"].update(when={"solver": "sag"}),
            "model.candidates.0.search.l1_ratio.when.solver",
            "never holds: 'sag' is not among its choices",
        ),
        (
            lambda s: search_of(s)["l1_ratio"].update(when={"C": 1}),
            "model.candidates.0.search.l1_ratio.when.C",
            "those are: solver",
        ),
        (
            lambda s: search_of(s).update(a={"choices": [1], "when": {"b": 1}}, b={"choices": [1], "when": {"a": 1}}),
            "model.candidates.0",
            "in a circle",
        ),
        (
            lambda s: search_of(s).update(max_iter={"low": 1, "high": 2}),
            "model.candidates.0.search.max_iter",
            "search it or fix it",
        ),
        (
            lambda s: search_of(s).update(random_state={"low": 1, "high": 2}),
            "model.candidates.0.search.random_state",
            "model.seed",
        ),
        (lambda s: s["tuning"].update(sampler="tpee"), "tuning.sampler", "did you mean 'tpe'?"),
        (lambda s: s["tuning"].update(sampler="cmaes"), "tuning.sampler", "searches one candidate"),
        (lambda s: s["tuning"].update(sampler="grid"), "model.candidates.0.search.l1_ratio", "a grid needs choices"),
        (lambda s: s["tuning"].update(when={"evry": 3}), "tuning.when.evry", "did you mean 'every'?"),
        (lambda s: s["tuning"].update(when={"every": 3, "stale_days": 2.0}), "tuning.when", "exactly one"),
        (lambda s: s["tuning"].update(metric="rmse"), "tuning.metric", "not a metric of classification"),
        (
            lambda s: s["tuning"].update(second="fit_seconds", pruner="median"),
            "tuning.pruner",
            "cannot end trials early",
        ),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(change, path, message):
    found, said = complaint(change)
    assert found == path
    assert message in said


def test_cmaes_searches_numbers_only():
    choices = {"estimator": "a.B", "search": {"kind": {"choices": ["x", "y"]}}}
    path, said = complaint(lambda s: (s["model"].update(candidates=[choices]), s["tuning"].update(sampler="cmaes")))
    assert (path, said) == ("model.candidates.0.search.kind", "cmaes searches numbers only: choose another sampler")


def test_with_a_choice_the_spec_is_as_if_it_had_named_the_estimator():
    chosen = spec_with().with_choice("sklearn.linear_model.Ridge", {"alpha": 0.1})
    named = {"estimator": "sklearn.linear_model.Ridge", "params": {"alpha": 0.1}}
    assert chosen == spec_with(lambda s: (s.update(model=named), s.pop("tuning")))
    assert not chosen.tunes
    assert recipe_digest(chosen) != recipe_digest(spec_with())


def test_what_a_search_costs_does_not_change_which_search_it_is():
    before = spec_with()
    after = spec_with(lambda s: s["tuning"].update(trials=99, minutes=5, parallel=4, when="first"))
    assert space_digest(before) == space_digest(after)
    assert retraining_digest(before) == retraining_digest(after)
    for change in (
        lambda s: s["tuning"].update(sampler="random"),
        lambda s: s["tuning"].update(metric="log_loss"),
        lambda s: search_of(s)["C"].update(high=11),
    ):
        assert space_digest(spec_with(change)) != space_digest(before)


def test_only_a_spec_with_candidates_has_the_stages_of_a_search():
    with_search, without = stages_of(spec_with()), stages_of(spec_with().with_choice("a.B", {}))
    assert [name for name in STAGES if name in with_search and name not in without] == ["tune", "choose"]
