"""Convert parts of specs to YAML and back."""

from __future__ import annotations

from typing import Any

import yaml


def as_yaml(fields: dict[str, Any]) -> str:
    """Return fields of a spec as YAML, which `from_yaml` reads back exactly, including keys that are numbers."""
    return yaml.safe_dump(_plain(fields), sort_keys=True, allow_unicode=True)


def from_yaml(text: str) -> dict[str, Any]:
    """Return the fields that `as_yaml` wrote."""
    fields: dict[str, Any] = yaml.safe_load(text)
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
