"""What must hold of the rows before anything is trained on them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from perennial.spec.part import Part


class Expectation(Part):
    """A Great Expectations expectation by its own name and arguments."""

    type: str = Field(pattern=r"^expect_[a-z0-9_]+$")
    """Such as `expect_column_values_to_be_between`."""
    kwargs: dict[str, Any] = {}
    """Its arguments, such as `{column: distance, min_value: 0, mostly: 0.99}`."""
