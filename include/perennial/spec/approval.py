"""Which candidates a person decides on, and who may."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.section import MOST_DAYS, Section, Text, no_repeats


class Approval(Section):
    """Asks a person before a candidate becomes champion."""

    when: Literal["never", "always", "unsure"] = "never"
    """`always`: about every candidate, also one that was rejected. `unsure`: about one that was proved neither better
    nor worse."""
    approvers: tuple[Text, ...] = ()
    """Ids of the Airflow users who may answer. Empty: whoever may answer for the DAG."""
    hours: float = Field(default=72, gt=0, le=24 * MOST_DAYS)
    """Without an answer for so long the candidate is refused."""

    _no_repeats = field_validator("approvers")(no_repeats)

    @model_validator(mode="after")
    def _somebody_is_asked(self) -> Self:
        if self.when == "never" and self.approvers:
            raise ValueError("approvers are named, but nobody is ever asked: set when to always or unsure")
        return self
