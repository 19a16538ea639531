"""How the training rows are divided into folds, each tested by a model of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from perennial.spec.section import Days, Number, Section, Text, Whole, a_second_or_more, refuse

FOLDS = 5

_OWN_FIELDS = {
    "time": ("folds", "train_days", "embargo_days"),
    "kfold": ("folds",),
    "stratified": ("folds",),
    "group": ("folds", "group"),
    "stratified_group": ("folds", "group"),
    "leave_one_group_out": ("group",),
    "leave_one_out": ("time_limit_minutes",),
}
_REQUIRED = ("group", "time_limit_minutes")


class CrossValidationSection(Section):
    """Folds of the training rows; the holdout is in none of them."""

    kind: Literal[
        "time", "kfold", "stratified", "group", "stratified_group", "leave_one_group_out", "leave_one_out"
    ] = "time"
    """`time` tests each fold by a model of older rows only. The others divide the rows at random, by whole groups, or
    leave out one group or one row at a time."""
    folds: Whole | None = Field(default=None, ge=2, le=100)
    """How many. Default 5; the kinds that leave out one have as many as there are groups or rows."""
    train_days: Days | None = Field(default=None, gt=0)
    """Kind `time`: each fold trains on the rows of so many days (rolling). None: on all older rows (expanding)."""
    embargo_days: Days | None = Field(default=None, gt=0)
    """Kind `time`: days after each test fold whose rows are neither trained on nor tested."""
    group: Text | None = None
    """Column of the groups, none of which is divided: a customer, a machine. A row without one is a group of its own."""
    time_limit_minutes: Number | None = Field(default=None, gt=0)
    """Kind `leave_one_out`: refused if, by the time of one fit, it would take longer."""

    _days = field_validator("train_days", "embargo_days")(a_second_or_more)

    @model_validator(mode="after")
    def _fields_of_the_kind(self) -> Self:
        complaints = [*self._foreign(), *self._missing()]
        if complaints:
            refuse(*complaints)
        return self

    def _foreign(self) -> Iterator[tuple[tuple[str], str]]:
        for name in ("folds", "train_days", "embargo_days", *_REQUIRED):
            if getattr(self, name) is not None and name not in _OWN_FIELDS[self.kind]:
                kinds = [kind for kind, fields in _OWN_FIELDS.items() if name in fields]
                yield (name,), f"has no effect with kind {self.kind!r}: it is for {', '.join(kinds)}"

    def _missing(self) -> Iterator[tuple[tuple[str], str]]:
        for name in _REQUIRED:
            if name in _OWN_FIELDS[self.kind] and getattr(self, name) is None:
                yield (name,), f"is required with kind {self.kind!r}"

    @property
    def number_of_folds(self) -> int:
        """The folds of the kinds that have a fixed number."""
        return FOLDS if self.folds is None else self.folds

    @property
    def days_around_tests(self) -> float:
        """Kind `time`: days of the training rows that no fold can test, in addition to the label delay."""
        return (self.train_days or 0) + (self.number_of_folds - 1) * (self.embargo_days or 0)
