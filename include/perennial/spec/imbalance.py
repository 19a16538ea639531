"""How much each training row counts, and what is done about labels that are rare."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.section import Days, Section, Text, a_second_or_more


class Weights(Section):
    """How much each row counts in the fit: exactly one of the two."""

    column: Text | None = None
    """A column of the source with the weight of each row: 0 or more."""
    half_life_days: Days | None = Field(default=None, gt=0)
    """A row this many days older than the newest training row counts half as much."""

    _days = field_validator("half_life_days")(a_second_or_more)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.column is None) == (self.half_life_days is None):
            raise ValueError(
                "give exactly one of column (weights of your own) or half_life_days (newer rows count more)"
            )
        return self
