"""Outcomes as the JSON that goes into an XCom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perennial.record import Record


def to_xcom(outcome: Record) -> dict[str, Any]:
    """Return the outcome's JSON; its `model_validate` takes it back.

    A number that is not finite travels as text, which pydantic reads back: Airflow's client refuses to send one.
    """
    content: dict[str, Any] = _finite(outcome.model_dump(mode="json"))
    return content


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
