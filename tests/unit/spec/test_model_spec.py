from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perennial.spec import ModelSpec, load_spec
from perennial.spec.concerns import Concern, digest_of
from perennial.spec.monitoring import Monitoring


def shuffled(value, chance):
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return {key: shuffled(item, chance) for key, item in items}
    return [shuffled(item, chance) for item in value] if isinstance(value, list) else value


@given(seed=st.integers(), flow=st.sampled_from([True, False, None]), width=st.integers(20, 200))
def test_the_digest_does_not_depend_on_the_layout_of_the_yaml(seed, flow, width):
    content = {
        "name": "late",
        "task": "classification",
        "source": {"uri": "flights/", "event_time": "at", "window": {"since": datetime(2013, 1, 1, tzinfo=UTC)}},
        "target": {"column": "late"},
        "features": {"numeric": ["distance", "hour"]},
        "model": {"estimator": "a.B", "params": {"C": 0.5, "class_weight": {0: 1, 1: {"x": [1, 2], "a": None}}}},
        "evaluation": {"holdout": {"rows": 200}, "primary": "f1", "gates": {"minimum": {"f1": 0.5, "recall": 0.1}}},
    }
    text = yaml.safe_dump(shuffled(content, random.Random(seed)), default_flow_style=flow, width=width, sort_keys=False)
    assert digest_of(ModelSpec.model_validate(yaml.safe_load(text)), *Concern) == digest_of(
        ModelSpec.model_validate(content), *Concern
    )


def test_comments_and_defaults_written_out_do_not_change_the_digest(write, late):
    plain = load_spec(write("late.yaml", late))
    chatty = load_spec(write("late.yaml", f"# hello\n{late}owner: perennial\ntags: []\n"))
    assert digest_of(chatty, *Concern) == digest_of(plain, *Concern)


def test_every_default_written_out_leaves_the_digest_as_it_is(spec_with):
    spec = spec_with(target={"column": "late"}, evaluation={"holdout": {"days": 7}, "primary": "f1"})
    assert digest_of(ModelSpec.model_validate(spec.model_dump()), *Concern) == digest_of(spec, *Concern)


def test_the_same_moment_in_another_zone_is_the_same_spec(spec_with):
    source = {"uri": "flights/", "event_time": "at"}
    here = spec_with(source={**source, "window": {"since": "2013-01-01T00:00:00Z"}})
    there = spec_with(source={**source, "window": {"since": "2013-01-01T02:00:00+02:00"}})
    assert here.source.window.since == datetime(2013, 1, 1, tzinfo=UTC)
    assert digest_of(here, *Concern) == digest_of(there, *Concern)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"C": 1}, {"C": 1.0}),
        ({"C": 1}, {"C": True}),
        ({"C": None}, {}),
        ({"w": {0: 1}}, {"w": {"0": 1}}),
        ({"C": float("inf")}, {"C": None}),
        ({"l": [1, 2]}, {"l": [2, 1]}),
        ({"d": datetime(2013, 1, 1)}, {"d": "datetime.datetime(2013, 1, 1, 0, 0)"}),
    ],
)
def test_what_means_something_else_has_another_digest(spec_with, one, other):
    specs = [spec_with(model={"estimator": "a.B", "params": params}) for params in (one, other)]
    assert digest_of(specs[0], *Concern) != digest_of(specs[1], *Concern)


def test_a_spec_cannot_be_changed(spec_with):
    with pytest.raises(ValidationError, match="frozen"):
        spec_with().name = "other"


def test_all_contradictions_between_parts_are_said_at_once(spec_with):
    with pytest.raises(ValidationError) as caught:
        spec_with(
            source={"uri": "flights/", "event_time": "late", "window": {"days": 5}},
            evaluation={
                "holdout": {"days": 7},
                "primary": "rmse",
                "gates": {"minimum": {"f1": 0.5}, "maximum": {"mae": 1}},
            },
        )
    assert [error["loc"] for error in caught.value.errors()] == [
        ("evaluation", "primary"),
        ("evaluation", "gates", "maximum", "mae"),
        ("target", "column"),
        ("source", "window", "days"),
    ]


def test_a_snapshot_holds_the_columns_of_expectations_too(spec_with):
    spec = spec_with(
        validation=[
            {"type": "expect_column_pair_values_to_be_equal", "kwargs": {"column_A": "x", "column_B": "distance"}},
            {"type": "expect_select_column_values_to_be_unique_within_record", "kwargs": {"column_list": ["y", "x"]}},
            {"type": "expect_column_to_exist", "kwargs": {"column": "z", "column_index": 3}},
        ]
    )
    assert spec.columns == ("at", "flight", "late", "distance", "hour", "carrier", "x", "y", "z")


def test_with_a_transform_a_snapshot_holds_its_inputs_and_not_what_it_makes(spec_with):
    spec = spec_with(features={"transform": "mine:make", "inputs": ["departure"], "numeric": ["hour"]}, validation=[])
    assert spec.columns == ("at", "flight", "late", "departure")


def test_who_watches_without_monitoring_has_its_defaults(spec_with):
    assert spec_with(monitoring=None).watch == Monitoring()
    watched = spec_with(monitoring={"min_rows": 7})
    assert watched.watch is watched.monitoring


def test_the_tag_of_a_region_comes_from_the_region(spec_with):
    with pytest.raises(ValidationError, match="'region:eu' is a tag that the DAGs get from the field region"):
        spec_with(tags=["orders", "region:eu"])
