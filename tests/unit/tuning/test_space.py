"""The search space in Optuna's terms and back."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.models.tuning import Choice
from perennial.spec.candidates import CandidateEstimator
from perennial.spec.reading.yaml_text import from_yaml
from perennial.tuning.space import Space

NETWORK = {
    "estimator": "sklearn.neural_network.MLPClassifier",
    "params": {"max_iter": 50},
    "search": {
        "hidden_layer_sizes": {"choices": [[8], [16, 8], 4]},
        "solver": {"choices": ["adam", "sgd"]},
        "momentum": {"low": 0.1, "high": 0.9, "step": 0.4, "when": {"solver": "sgd"}},
        "nesterovs_momentum": {"choices": [True, False], "when": {"solver": "sgd"}},
    },
}
TREE = {
    "estimator": "sklearn.tree.DecisionTreeClassifier",
    "search": {"class_weight": {"choices": [None, {0: 1, 1: 3}]}},
}


def space_of(*candidates: dict[str, Any]) -> Space:
    return Space(tuple(CandidateEstimator.model_validate(one) for one in candidates))


def suggested(space: Space, seed: int) -> tuple[dict[str, Any], Choice]:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed)).ask()
    choice = space.suggest(trial)
    return trial.params, choice


def test_a_choice_of_any_type_reaches_the_estimator_as_the_spec_has_it():
    found = [from_yaml(suggested(space_of(TREE), seed)[1].params)["class_weight"] for seed in range(20)]
    assert {repr(one) for one in found} == {"None", "{0: 1, 1: 3}"}


def test_a_conditional_parameter_is_set_only_where_its_condition_holds():
    for seed in range(30):
        params = from_yaml(suggested(space_of(NETWORK), seed)[1].params)
        assert ("momentum" in params) == ("nesterovs_momentum" in params) == (params["solver"] == "sgd")
        assert params["max_iter"] == 50


def test_the_grid_has_each_point_once_and_conditions_do_not_multiply_it():
    space = space_of(NETWORK, TREE)
    points = list(space.grid())
    # 3 sizes x (adam alone, or sgd with 3 momenta x 2), and 2 trees.
    assert len(points) == 3 * (1 + 6) + 2
    assert len({repr(sorted(point.items())) for point in points}) == len(points)
    assert space.size >= len(points)


def test_two_candidates_of_one_class_have_names_of_their_own():
    other = {**TREE, "params": {"max_depth": 2}}
    assert space_of(TREE, other).names == ("DecisionTreeClassifier 1", "DecisionTreeClassifier 2")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_what_was_chosen_is_found_again_in_the_space(seed):
    space = space_of(NETWORK, TREE)
    params, choice = suggested(space, seed)
    assert space.params_of(choice) == params


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("sklearn.linear_model.Ridge", {}),
        ("sklearn.tree.DecisionTreeClassifier", {"class_weight": {0: 1, 1: 4}}),
        ("sklearn.tree.DecisionTreeClassifier", {}),
        ("sklearn.tree.DecisionTreeClassifier", {"class_weight": None, "max_depth": 2}),
        ("sklearn.neural_network.MLPClassifier", {"max_iter": 50, "hidden_layer_sizes": 4, "solver": "sgd"}),
    ],
)
def test_what_the_space_does_not_hold_is_not_found(estimator, params):
    assert space_of(NETWORK, TREE).params_of(Choice.of(estimator, params)) is None


def test_an_example_of_each_candidate_has_what_its_conditions_ask_for():
    network, tree = space_of(NETWORK, TREE).examples()
    assert from_yaml(network.params) == {"max_iter": 50, "hidden_layer_sizes": [8], "solver": "adam"}
    assert from_yaml(tree.params) == {"class_weight": None}
