"""The JSON Schema of a model spec, for editors."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from perennial.spec.model_spec import ModelSpec


class _WithoutFieldTitles(GenerateJsonSchema):
    """Leaves out titles, which would only repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (pydantic calls it by keyword or position)
        return False


def json_schema() -> dict[str, Any]:
    """Return the schema, draft 2020-12, with a description of every field."""
    schema = ModelSpec.model_json_schema(schema_generator=_WithoutFieldTitles)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "Perennial model spec"}
