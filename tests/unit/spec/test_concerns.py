from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from perennial.spec import ModelSpec
from perennial.spec.concerns import CONCERNS, Concern, digest_of, recipe_concerns

SPEC: dict[str, Any] = {
    "name": "late",
    "task": "classification",
    "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
    "target": {"column": "label"},
    "features": {"numeric": ["x"], "categorical": ["kind"]},
    "model": {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"C": 1.0}},
    "evaluation": {"holdout": {"days": 10}, "primary": "roc_auc"},
    "monitoring": {},
}


def changed(path: str, value: Any) -> ModelSpec:
    content = ModelSpec.model_validate(SPEC).model_dump(exclude_unset=True)
    place = content
    *sections, field = path.split(".")
    for section in sections:
        place = place.setdefault(section, {})
    place[field] = value
    return ModelSpec.model_validate(content)


def sections_of(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from sections_of(argument)


def leaves(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield every field of the schema by its dotted path; one that holds sections by the fields of these."""
    for name, field in section.model_fields.items():
        path, below = f"{prefix}{name}", list(sections_of(field.annotation))
        if not below:
            yield path
        for inner in below:
            yield from leaves(inner, f"{path}.")


def assignments(path: str) -> list[str]:
    return [entry for entry in CONCERNS if path == entry or path.startswith(f"{entry}.")]


def test_every_field_of_the_schema_is_assigned_exactly_once():
    fields = list(leaves(ModelSpec))
    assert len(fields) > 70
    assert {path: assignments(path) for path in fields if len(assignments(path)) != 1} == {}


def test_every_assignment_is_of_a_field_that_there_is():
    fields = list(leaves(ModelSpec))
    unknown = [entry for entry in CONCERNS if not any(path == entry or path.startswith(f"{entry}.") for path in fields)]
    assert unknown == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("owner", "someone else"),
        ("description", "Other words."),
        ("tags", ["new"]),
        ("alerts", {"slack": {}}),
        ("schedule", {"cron": "0 6 * * 1"}),
        ("resources", {"priority": 3}),
        ("monitoring.schedule", {"every_minutes": 5}),
    ],
)
def test_what_changes_no_result_changes_no_digest(path, value):
    before, after = ModelSpec.model_validate(SPEC), changed(path, value)
    assert before != after
    assert [digest_of(before, concern) == digest_of(after, concern) for concern in Concern] == [True] * len(Concern)


@pytest.mark.parametrize(
    ("path", "value", "concerns"),
    [
        ("source.window", {"days": 61}, {"rows"}),
        ("source.key", ["id"], {"rows", "watching"}),
        ("source.known_time", "seen_at", {"replay"}),
        ("features.numeric", ["x", "y"], {"rows", "features"}),
        ("target.label_delay_days", 2.0, {"fitting", "watching"}),
        ("target.positive", 0, {"search", "judging", "slices", "watching"}),
        ("model.params", {"C": 2.0}, {"fitting"}),
        ("model.seed", 1, {"fitting"}),
        ("evaluation.holdout", {"days": 11}, {"fitting", "judging"}),
        ("evaluation.gates", {"tolerance": 0.1}, {"judging"}),
        ("monitoring.drift", {"exclude": ["x"]}, {"reference", "watching"}),
        ("monitoring.min_rows", 501, {"watching"}),
        ("monitoring.require", {"checks": 1}, {"retraining"}),
        ("retraining", {"cooldown_days": 4.0}, {"retraining"}),
    ],
)
def test_a_field_changes_the_digests_of_its_concerns_and_no_others(path, value, concerns):
    before, after = ModelSpec.model_validate(SPEC), changed(path, value)
    assert {concern for concern in Concern if digest_of(before, concern) != digest_of(after, concern)} == concerns


def test_what_is_written_out_and_what_is_left_to_the_defaults_have_one_digest():
    silent = ModelSpec.model_validate({name: part for name, part in SPEC.items() if name != "monitoring"})
    spelt_out = ModelSpec.model_validate(ModelSpec.model_validate(SPEC).model_dump(mode="json"))
    assert digest_of(silent, *Concern) == digest_of(spelt_out, *Concern)


def test_a_class_weight_of_a_number_is_not_one_of_a_text():
    numbers = changed("model.params", {"class_weight": {0: 1.0, 1: 2.0}})
    texts = changed("model.params", {"class_weight": {"0": 1.0, "1": 2.0}})
    assert digest_of(numbers, Concern.FITTING) != digest_of(texts, Concern.FITTING)


@pytest.mark.parametrize(
    ("field", "value", "matters"),
    [
        ("params", {"C": 2.0}, False),
        ("calibration", "sigmoid", True),
        ("imbalance", {"threshold": "f1"}, True),
        ("params", {"early_stopping_rounds": 5}, True),
    ],
)
def test_folds_belong_to_the_recipe_of_a_model_that_learns_from_them(field, value, matters):
    content = SPEC | {"model": SPEC["model"] | {field: value}}
    few, many = (ModelSpec.model_validate(content | {"cross_validation": {"folds": folds}}) for folds in (3, 6))
    recipes = {digest_of(spec, *recipe_concerns(spec)) for spec in (few, many)}
    assert len(recipes) == (2 if matters else 1)
