"""Check a spec's expectations on rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import great_expectations
import pandas as pd
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)

from perennial.spec import Expectation, ModelSpec
from perennial.spec.condition import Condition, read_condition
from perennial.validation.expected_values import is_of_writing
from perennial.validation.meaning import Unclear
from perennial.validation.selection import selected_rows
from perennial.validation.suite import POSITION, build_expectation
from perennial.validation.typed_rows import text_rows, typed_rows


@dataclass(frozen=True)
class Checked:
    """Result of checking one expectation.

    Attributes
    ----------
    expectation : Expectation
    holds : bool
        The expectation was checked, and is met.
    rows : int
        Number of rows of the snapshot.
    condition : str
        The expectation's `row_condition`; empty without one.
    selected : int
        Number of rows that the condition selects.
    unchecked : str
        Why it could not be checked; may quote values of the rows. Empty if it was checked.
    figures : mapping
        The result of Great Expectations.
    """

    expectation: Expectation
    holds: bool
    rows: int
    condition: str = ""
    selected: int = 0
    unchecked: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def selects_nothing(self) -> bool:
        """Whether it was not checked because its condition selects no row."""
        return bool(self.condition) and not self.selected and not self.unchecked and not self.holds and not self.figures


@dataclass
class _Group:
    """Expectations about the same rows in the same types, which are checked as one batch."""

    rows: pd.DataFrame
    expectations: list[Any] = field(default_factory=list)


def check(spec: ModelSpec, rows: pd.DataFrame) -> tuple[Checked, ...]:
    """Check every expectation of a spec; return what was found, in the spec's order.

    Values in the spec are compared as the source has them, whatever type the snapshot stores: 1 is 1 even in a column
    that is stored as text.

    An expectation whose condition selects no row does not hold. Otherwise nobody would notice a mistyped condition,
    which never selects a row. An expectation that counts rows is checked, since 0 is a count.
    """
    checker = _Checker(spec, rows)
    return tuple(checker.run())


class _Checker:
    def __init__(self, spec: ModelSpec, rows: pd.DataFrame) -> None:
        self._spec = spec
        self._zone = spec.source.time_zone
        self._stored = rows
        self._rows = typed_rows(rows, self._zone)
        self._found: dict[int, Checked] = {}
        self._groups: dict[tuple[str, bool], _Group] = {}

    def run(self) -> Iterator[Checked]:
        for position, item in enumerate(self._spec.validation):
            try:
                self._prepare(position, item, read_condition(item.kwargs))
            except Unclear as error:
                self._found[position] = Checked(item, False, len(self._rows), unchecked=str(error))
        for (condition, _), group in self._groups.items():
            for position, result in _results(group):
                reason, figures = _raised(result), result.result or {}
                self._found[position] = Checked(
                    expectation=self._spec.validation[position],
                    # An expectation that raised does not hold, even if its result says success.
                    holds=result.success is True and not reason,
                    rows=len(self._rows),
                    condition=condition,
                    selected=len(group.rows),
                    unchecked=reason,
                    figures=figures,
                )
        return (self._found[position] for position in sorted(self._found))

    @cached_property
    def _as_text(self) -> pd.DataFrame:
        return text_rows(self._stored)

    def _prepare(self, position: int, item: Expectation, condition: Condition | None) -> None:
        text = condition.text if condition else ""
        selected = selected_rows(condition, self._rows, self._zone) if condition else None
        if selected is not None and not selected.any() and not item.type.startswith("expect_table_row_count"):
            self._found[position] = Checked(item, False, len(self._rows), condition=text)
            return
        expectation = build_expectation(item, position, self._rows, self._zone)
        key = (text, is_of_writing(item))
        if key not in self._groups:
            rows = self._as_text if is_of_writing(item) else self._rows
            self._groups[key] = _Group(rows if selected is None else rows[selected].reset_index(drop=True))
        self._groups[key].expectations.append(expectation)


def _results(group: _Group) -> Iterable[tuple[int, ExpectationValidationResult]]:
    settings = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = great_expectations.get_context(mode="ephemeral", project_config=settings)
    asset = context.data_sources.add_pandas("perennial").add_dataframe_asset("snapshot")
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch(batch_parameters={"dataframe": group.rows})
    suite = ExpectationSuite(name="spec", expectations=group.expectations)
    result = batch.validate(suite, result_format="SUMMARY")
    return [(one.expectation_config.meta[POSITION], one) for one in result.results]


def _raised(result: ExpectationValidationResult) -> str:
    """Return why an expectation could not be checked; empty if it could."""
    info = result.exception_info or {}
    # Either one entry for the whole expectation, or one for each metric that it needs.
    each = [info] if "raised_exception" in info else list(info.values())
    return next((str(one.get("exception_message") or "unknown error") for one in each if one["raised_exception"]), "")
