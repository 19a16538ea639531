from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from perennial.spec.json_schema import json_schema

COMMITTED = Path(__file__).parents[3] / "docs" / "spec.schema.json"


def test_the_committed_schema_is_current():
    committed = json.loads(COMMITTED.read_text())
    assert committed == json_schema(), "renew it: perennial schema > docs/spec.schema.json"


def test_it_is_a_sound_schema_without_an_address_of_its_own():
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_field_is_described_where_an_editor_shows_it():
    schema = json_schema()
    parts = [schema, *schema["$defs"].values()]
    undescribed = [
        name
        for part in parts
        for name, field in part["properties"].items()
        if "description" not in field and "$ref" not in field
    ]
    assert undescribed == []


def test_it_accepts_a_good_spec(late):
    jsonschema.validate(yaml.safe_load(late), json_schema())


@pytest.mark.parametrize(
    ("was", "becomes"),
    [("numeric:", "numric:"), ("roc_auc", "roc_auk"), ("name: late", "name: late flights"), ("{days: 7}", "{days: 0}")],
)
def test_it_refuses_what_an_editor_should_underline(late, was, becomes):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(late.replace(was, becomes, 1)), json_schema())
