"""The groups between which a candidate's predictions may differ only so much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from perennial.spec.section import Number, Section, Text, Whole, no_repeats, refuse

FairnessMetric = Literal["demographic_parity", "equalized_odds", "equal_opportunity", "error"]
RATES: Mapping[FairnessMetric, tuple[str, ...]] = {
    "demographic_parity": ("selection_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity": ("true_positive_rate",),
    "error": ("error",),
}
"""Metric -> the rates of which groups may differ only so much."""


class FairnessSection(Section):
    """Sensitive columns, and how much the model may differ between their groups."""

    columns: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    """Sensitive columns of the source, which need not be features: each category is a group, numbers by `quantiles`."""
    quantiles: Whole = Field(default=4, ge=2, le=20)
    """Into how many groups with about as many rows each a column of numbers is cut."""
    maximum: dict[FairnessMetric, Annotated[Number, Field(ge=0)]]
    """The largest difference between two groups, such as `{demographic_parity: 0.1}`."""
    min_rows: Whole = Field(default=100, ge=1)
    """Groups with fewer rows are not compared."""

    _no_repeats = field_validator("columns")(no_repeats)

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the gates that a verdict then has."""
        groups = (f"groups {column}" for column in self.columns)
        return (*groups, *(f"{metric} {column}" for column in self.columns for metric in self.maximum))

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.maximum:
            refuse(
                (
                    ("maximum",),
                    f"name at least one of {', '.join(get_args(FairnessMetric))} with its largest difference",
                )
            )
        return self
