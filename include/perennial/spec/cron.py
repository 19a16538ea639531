"""Validate cron expressions with only the standard library, so that wrong ones never reach Airflow's parser."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_LONGEST = {month: calendar.monthrange(2000, month)[1] for month in range(1, 13)}  # a leap year
_ITEM = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d{1,4}))?", re.ASCII)


@dataclass(frozen=True)
class _Field:
    name: str
    least: int
    greatest: int
    names: dict[str, int]

    def values(self, text: str) -> set[int]:
        """Return the numbers that the field matches; raise ValueError if it cannot be read."""
        return {value for item in text.lower().split(",") for value in self._values(item)}

    def _values(self, item: str) -> range:
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"{item!r} is not a valid {self.name}")
        step = int(match["step"] or 1)
        if not 1 <= step <= self.greatest:
            raise ValueError(f"{item!r}: the step of a {self.name} must be 1 to {self.greatest}")
        if match["all"]:
            return range(self.least, self.greatest + 1, step)
        first = self._number(match["first"])
        if match["last"] is None:
            return range(first, (self.greatest if match["step"] else first) + 1, step)
        last = self._number(match["last"])
        if last < first:
            raise ValueError(f"{item!r} runs backwards: write two ranges with a comma between them")
        return range(first, last + 1, step)

    def _number(self, text: str) -> int:
        number = self.names.get(text, int(text) if re.fullmatch("[0-9]{1,4}", text) else -1)
        if not self.least <= number <= self.greatest:
            raise ValueError(f"{text!r} is not a valid {self.name}: use {self.least} to {self.greatest}")
        return number


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


def check_cron(expression: str) -> str:
    """Return the expression if it has five fields and occurs on some date; raise ValueError otherwise.

    Numbers, names of months and weekdays, `*`, ranges, steps and lists are supported.
    """
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        raise ValueError(
            f"{expression!r} has {len(texts)} fields, cron has five: minute, hour, day of the month, month, weekday"
        )
    _, _, days, months, weekdays = (field.values(text) for field, text in zip(_FIELDS, texts, strict=True))
    # If all weekdays are named, in any way, that counts as *: then only the day of the month decides.
    if {day % 7 for day in weekdays} == set(range(7)) and min(days) > max(_LONGEST[month] for month in months):
        raise ValueError(f"{expression!r} never occurs: no such month has {min(days)} days")
    return expression
