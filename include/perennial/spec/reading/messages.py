"""Turn pydantic's errors into messages for the person who wrote the YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from perennial.spec.model_spec import ModelSpec
from perennial.spec.patterns import IN_WORDS
from perennial.spec.reading.problem import FieldPath, did_you_mean, dotted

_MESSAGES = {
    "extra_forbidden": "unknown field {field}",
    "missing": "is required",
    "invalid_key": "the name of a field must be text, and YAML reads this one as {field}: quote it",
    "literal_error": "{given} is not one of {choices}",
    "string_pattern_mismatch": "{given} {in_words}",
    "model_type": "give a mapping with some of the fields {fields}, not {given}",
    "float_type": "give a number, not {given}",
    "int_type": "give a whole number, not {given}",
    "finite_number": "give a finite number, not {given}",
    "string_type": "give text, not {given}",
    "tuple_type": "give a list, not {given}",
    "dict_type": "give a mapping, not {given}",
    "string_too_short": "must not be empty",
    "string_too_long": "must be no longer than {max_length} characters",
    "greater_than": "must be greater than {gt:.16g}, not {given}",
    "greater_than_equal": "must be at least {ge:.16g}, not {given}",
    "less_than": "must be less than {lt:.16g}, not {given}",
    "less_than_equal": "must be at most {le:.16g}, not {given}",
}
"""Messages by pydantic's type of error; other errors have messages of the spec."""


def explain(error: ErrorDetails) -> tuple[FieldPath, str, str]:
    """Return field path, message and hint of one of pydantic's errors."""
    kind, path = error["type"], _path(error)
    template = _MESSAGES.get(kind)
    if template is None:
        return path, error["msg"].removeprefix("Value error, "), ""
    context = error.get("ctx", {})
    message = template.format(
        field=_shown(path[-1]) if path else "",
        given=_shown(error["input"]),
        choices=", ".join(_choices(error)),
        in_words=IN_WORDS.get(context.get("pattern", ""), ""),
        fields=", ".join(_model_at(path).model_fields) if kind == "model_type" else "",
        **context,
    )
    hint = _HINTS.get(kind)
    return path, message, hint(error) if hint else ""


def _path(error: ErrorDetails) -> FieldPath:
    # For an error in a key of a mapping, pydantic adds "[key]" to the path; the others are tags of our own unions.
    return tuple(
        part for part in error["loc"] if part not in ("[key]", "[number]", "[whole]", "[word]", "[one]", "[list]")
    )


def _choices(error: ErrorDetails) -> list[str]:
    return re.findall(r"'([^']*)'", error.get("ctx", {}).get("expected", ""))


def _nearest_field(error: ErrorDetails) -> str:
    *above, word = _path(error)
    near = did_you_mean(str(word), _model_at(tuple(above)).model_fields)
    elsewhere = next((place for place in field_paths(ModelSpec) if place[-1] == word and len(place) > 1), ())
    return near or (elsewhere and f"it belongs under {dotted(elsewhere[:-1])}") or ""


def _nearest_choice(error: ErrorDetails) -> str:
    return did_you_mean(str(error["input"]), _choices(error))


def _quote(error: ErrorDetails) -> str:
    # YAML reads some unquoted words, such as `on` and `no`, as booleans.
    return "quote it if it is meant as text" if isinstance(error["input"], bool | int | float) else ""


def _decimal_point(error: ErrorDetails) -> str:
    parts = re.fullmatch(r"([-+]?\d+)e([-+]?)(\d+)", str(error["input"]), re.IGNORECASE)
    return f"YAML takes it for text: write {parts[1]}.0e{parts[2] or '+'}{parts[3]}" if parts else ""


_HINTS: dict[str, Callable[[ErrorDetails], str]] = {
    "extra_forbidden": _nearest_field,
    "literal_error": _nearest_choice,
    "string_type": _quote,
    "float_type": _decimal_point,
}


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _model_at(path: FieldPath) -> type[BaseModel]:
    model: type[BaseModel] = ModelSpec
    for part in path:
        # Anything else is a position in a list, or a name that the spec gives, such as of a searched parameter.
        if part in model.model_fields:
            model = next(_models_in(model.model_fields[part].annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def field_paths(model: type[BaseModel], above: FieldPath = ()) -> Iterator[FieldPath]:
    """Yield the path of every field of a part and of the parts in it."""
    for name, field in model.model_fields.items():
        yield (*above, name)
        for part in _models_in(field.annotation):
            yield from field_paths(part, (*above, name))
