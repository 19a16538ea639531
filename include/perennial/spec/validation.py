"""Expectations that rows must meet before a model is trained."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from perennial.spec.condition import ConditionError, read_condition
from perennial.spec.patterns import EXPECTATION
from perennial.spec.section import Section


class Expectation(Section):
    """A Great Expectations expectation by its own name and arguments."""

    type: str = Field(pattern=EXPECTATION)
    """Name, such as `expect_column_values_to_be_between`."""
    kwargs: dict[str, Any] = {}
    """Its arguments, such as `{column: distance, min_value: 0, mostly: 0.99}`."""

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns that each argument names (`column`, `column_A`, `column_list`, `column_set` and so on)."""
        arguments = {name: value for name, value in self.kwargs.items() if name.startswith("column")}
        lists = {name: value if isinstance(value, list) else [value] for name, value in arguments.items()}
        return {name: tuple(item for item in items if isinstance(item, str)) for name, items in lists.items()}

    @property
    def condition_columns(self) -> tuple[str, ...]:
        """The columns that its `row_condition` reads; none if the condition cannot be parsed."""
        try:
            condition = read_condition(self.kwargs)
        except ConditionError:
            return ()
        return tuple(condition.columns.values()) if condition else ()
