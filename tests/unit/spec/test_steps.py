from __future__ import annotations

import pytest
import yaml

from perennial.spec.features import Features
from perennial.spec.reading.loader import load_spec

SCALER, PCA = "sklearn.preprocessing.StandardScaler", "sklearn.decomposition.PCA"


def features(*steps, **more):
    return Features(**{"numeric": ["x", "y", "z"], "categorical": ["kind"], **more}, steps=steps)


def test_a_kind_means_its_features_that_no_step_names():
    made = features(
        {"transformer": SCALER, "columns": "numeric"},
        {"transformer": PCA, "columns": ["x"]},
        {"transformer": PCA, "columns": "all"},
    )
    assert made.taken == [("y", "z"), ("x",), ()]


def test_a_pattern_means_the_features_that_are_like_it_and_counts_as_naming_them():
    made = features(
        {"transformer": SCALER, "columns": ["temp_*", "x"]},
        {"transformer": PCA, "columns": ["temp_?", "temp_in"]},
        {"transformer": SCALER, "columns": "numeric"},
        numeric=["x", "temp_1", "temp_2", "temp_in", "y"],
    )
    assert made.taken == [("temp_1", "temp_2", "temp_in", "x"), ("temp_1", "temp_2", "temp_in"), ("y",)]


def test_a_name_with_the_signs_of_a_pattern_is_a_name_first():
    made = features({"transformer": SCALER, "columns": ["a[1]", "x*"]}, numeric=["a[1]", "a1", "x*", "xy"])
    assert made.taken == [("a[1]", "x*")]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"columns": ["kinds"]}], "steps[0].columns: 'kinds' is neither a feature nor the name of an earlier step"),
        ([{"columns": ["temp_*"]}], "steps[0].columns: 'temp_*' is neither a feature nor"),
        ([{"columns": ["kinds"]}], "did you mean 'kind'?"),
        ([{"columns": ["x", "x"]}], "steps[0].columns: named twice: x"),
        ([{"columns": []}], "steps[0].columns"),
        ([{"columns": "numerical"}], "did you mean 'numeric'?"),
        ([{"columns": ["kind"]}, {"columns": "categorical"}], "steps[1].columns: no categorical feature is left"),
        ([{"columns": ["later"]}, {"columns": ["x"], "name": "later"}], "steps[0].columns: 'later' is neither"),
        (
            [{"columns": ["x"], "name": "a"}, {"columns": ["y"], "name": "a"}],
            "steps[1].name: 'a' is the name of step 1",
        ),
        ([{"columns": ["x"], "name": "kind"}], "steps[0].name: 'kind' is a feature or a kind of features"),
        ([{"columns": ["x"], "name": "a__b"}], "steps[0].name: 'a__b' must be letters"),
        ([{"columns": "all"}, {"columns": ["x"]}], "steps[1].columns: a step before this one takes all"),
        (
            [{"columns": ["x"], "name": "a"}, {"columns": ["a"]}, {"columns": ["a"]}],
            "steps[2].columns: what 'a' makes is taken by step 2 already",
        ),
        ([{"columns": ["x"], "params": {"random_state": 1}}], "steps[0].params: random_state is set by model.seed"),
        ([{"columns": ["x"], "transformer": "PCA"}], "steps[0].transformer: 'PCA' must be an import path"),
    ],
)
def test_wrong_steps_are_said_with_their_place(write, late, steps, said):
    spec = yaml.safe_load(late)
    spec["features"] = {
        "numeric": ["x", "y"],
        "categorical": ["kind"],
        "steps": [{"transformer": SCALER} | s for s in steps],
    }
    spec["validation"] = []
    path = write("late.yaml", yaml.safe_dump(spec))

    with pytest.raises(Exception, match="features") as refused:
        load_spec(path)
    assert said in str(refused.value)
