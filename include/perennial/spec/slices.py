"""The slices of the holdout in which a candidate must not be worse than the champion."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.metrics import MetricName
from perennial.spec.section import Number, Section, Text, Whole, no_repeats, refuse


class SlicesSection(Section):
    """Slices of the holdout, and what a candidate must reach in each of them."""

    columns: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    """Columns of the source whose values are slices: each category, and numbers by `quantiles`."""
    pairs: Annotated[tuple[tuple[Text, Text], ...], Field(max_length=50)] = ()
    """Pairs of columns: each combination of their values is a slice."""
    quantiles: Whole = Field(default=4, ge=2, le=20)
    """Into how many parts with about as many rows each a column of numbers is cut."""
    metric: MetricName | None = None
    """The metric that is measured in each slice; None: `evaluation.primary`."""
    min_rows: Whole = Field(default=100, ge=1)
    """Slices with fewer rows are not judged."""
    max_drop: Number = Field(default=0.0, ge=0)
    """By how much the candidate may be worse than the champion in a slice, in the metric's unit."""
    floor: Number | None = None
    """The worst value of the metric that a slice may have; None: any."""
    level: Number = Field(default=0.05, gt=0, le=0.5)
    """Largest share of verdicts in which a slice is called worse, or under the floor, although none is."""

    _no_repeats = field_validator("columns")(no_repeats)

    @model_validator(mode="after")
    def _something_to_look_at(self) -> Self:
        if not self.columns and not self.pairs:
            refuse((("columns",), "name at least one column, or a pair under pairs: there are no slices to look at"))
        for index, (first, second) in enumerate(self.pairs):
            if first == second:
                refuse((("pairs", index), f"{first!r} is paired with itself: name it under columns"))
        return self

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the gates that a verdict then has."""
        return ("slices judged", "slices drop", *(() if self.floor is None else ("slices floor",)))

    @property
    def cuts(self) -> tuple[tuple[str, ...], ...]:
        """Each column and each pair by which rows are cut into slices."""
        return (*((column,) for column in self.columns), *self.pairs)

    @property
    def read(self) -> tuple[str, ...]:
        """Every column that is needed."""
        return tuple(dict.fromkeys(column for cut in self.cuts for column in cut))
