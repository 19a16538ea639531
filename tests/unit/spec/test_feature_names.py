from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perennial.spec import ModelSpec
from perennial.spec.feature_names import is_like, named, unclear_patterns

COLUMNS = ["at", "carrier", "id", "late", "origin", "temp_in", "temp_out", "tempo", "wind"]


SOURCE = {"uri": "rows/", "event_time": "at", "key": ["id"], "window": {"days": 3}}
MODEL = {"estimator": "sklearn.linear_model.LogisticRegression"}


def spec(parts=None, **features):
    return ModelSpec.model_validate(
        {
            "name": "flights",
            "task": "classification",
            "source": SOURCE,
            "target": {"column": "late"},
            "features": features,
            "model": MODEL,
            "evaluation": {"holdout": {"days": 1}, "primary": "roc_auc"},
            **(parts or {}),
        }
    )


@given(name=st.text("ab*", max_size=5), pattern=st.text("ab*", max_size=5))
def test_a_star_stands_for_any_characters_as_in_file_names(name, pattern):
    assert is_like(name, pattern) == fnmatchcase(name, pattern)


def test_only_a_star_is_special():
    assert not is_like("tempo", "temp?")
    assert is_like("temp [C] in", "temp [C]*")


def test_patterns_take_the_columns_that_are_like_them_and_a_star_all_others():
    found = spec(numeric=["wind", "temp_*"], categorical=["*"]).with_columns(COLUMNS)
    assert found.features.numeric == ("wind", "temp_in", "temp_out")
    assert found.features.categorical == ("carrier", "origin", "tempo")
    assert not found.features.patterns


def test_a_name_goes_before_a_pattern_and_a_pattern_before_all_others():
    found = spec(numeric=["temp*", "*"], categorical=["tempo", "carrier", "origin"]).with_columns(COLUMNS)
    assert found.features.numeric == ("temp_in", "temp_out", "wind")


def test_a_column_with_the_sign_of_a_pattern_can_be_named():
    found = spec(numeric=["x*y", "temp_*"]).with_columns([*COLUMNS, "x*y", "x_y"])
    assert found.features.numeric == ("x*y", "temp_in", "temp_out")


@pytest.mark.parametrize(
    "roles",
    [
        {"source": {**SOURCE, "known_time": "seen"}},
        {"model": {**MODEL, "weights": {"column": "seen"}}},
        {"cross_validation": {"kind": "group", "group": "seen"}},
        {"monitoring": {"drift": {"entity": "seen"}}},
    ],
)
def test_a_column_of_another_role_is_no_feature(roles):
    assert spec(roles, numeric=["*"]).with_columns(["at", "id", "late", "seen", "x"]).features.numeric == ("x",)


@pytest.mark.parametrize(
    ("features", "place", "said"),
    [
        ({"numeric": ["temp_*", "rain_*"]}, ("features", "numeric", 1), "'rain_*' stands for no column"),
        ({"numeric": ["wind", "la*"]}, ("features", "numeric", 1), "'la*' stands for no column"),
        ({"numeric": ["temp*", "wi*"], "text": ["*_in"]}, ("features", "text", 0), "temp_in: a pattern under numeric"),
        (
            {"numeric": ["*"], "steps": [{"transformer": "a.B", "columns": ["win"]}]},
            ("features", "steps", 0, "columns"),
            "'win' is neither a feature",
        ),
    ],
)
def test_what_does_not_fit_the_columns_is_refused(features, place, said):
    with pytest.raises(ValidationError) as refused:
        spec(**features).with_columns(COLUMNS)
    assert [error["msg"] for error in refused.value.errors() if error["loc"] == place and said in error["msg"]]


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"numeric": ["*"], "categorical": ["*"]}, "both numeric and categorical: *"),
        ({"numeric": ["temp_*", "temp_*"]}, "named twice: temp_*"),
        ({"numeric": ["temp_*"], "transform": "a:b", "inputs": ["x"]}, "name each of them"),
        (
            {"numeric": ["temp_*"], "steps": [{"transformer": "a.B", "columns": ["temp"]}]},
            "'temp' is neither a feature",
        ),
    ],
)
def test_what_no_columns_could_make_right_is_refused_at_once(features, said):
    with pytest.raises(ValidationError, match=said.replace("*", r"\*")):
        spec(**features)


def test_what_is_left_out_of_drift_tests_may_be_what_a_pattern_will_stand_for():
    left_out = {"monitoring": {"drift": {"exclude": ["temp_in"]}}}
    assert spec(left_out, numeric=["temp_*"]).with_columns(COLUMNS).features.numeric == ("temp_in", "temp_out")
    with pytest.raises(ValidationError, match="'temp_in' is not a feature"):
        spec(left_out, numeric=["win*"])


def test_a_step_may_name_what_a_pattern_will_stand_for():
    steps = [{"transformer": "a.B", "columns": ["temp_in", "temp_o*"]}, {"transformer": "a.B", "columns": "numeric"}]
    found = spec(numeric=["*"], categorical=["carrier", "origin"], steps=steps).with_columns(COLUMNS)
    assert found.features.taken == [("temp_in", "temp_out"), ("tempo", "wind")]


lists = st.fixed_dictionaries(
    {kind: st.lists(st.text("ab*", min_size=1, max_size=3), unique=True, max_size=3) for kind in ("numeric", "text")}
)


@given(kinds=lists, columns=st.lists(st.text("ab", min_size=1, max_size=3), unique=True))
def test_patterns_that_are_not_refused_give_each_column_one_kind_and_miss_none_that_is_like_them(kinds, columns):
    found = named(kinds, columns)
    names = {entry for entries in kinds.values() for entry in entries if "*" not in entry}
    by_pattern = [name for part in found.values() for name in part if name not in names]
    assert set(by_pattern) <= set(columns)
    for kind, entries in kinds.items():
        for pattern in (entry for entry in entries if "*" in entry and entry != "*"):
            assert {name for name in columns if fnmatchcase(name, pattern)} <= {*found[kind], *names}
    if any("*" in entries for entries in kinds.values()):
        assert set(columns) <= {*by_pattern, *names}
    if not list(unclear_patterns(kinds, columns)):
        assert len(by_pattern) == len(set(by_pattern))
