"""An axis of a drawing: from values to places, with round numbers beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_MOST_STEPS = 6
_MOST, _MOST_DIGITS = 1e300, 1e12
"""Beyond, differences and places are no longer numbers, or all the same."""
_ROUND = (1, 2, 5, 10)


@dataclass(frozen=True)
class Axis:
    """An axis from one value and place to another.

    Attributes
    ----------
    low, high : float
        Values at its ends, `low` < `high`.
    start, end : float
        Places of its ends.
    """

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float) -> Axis:
        """Return an axis that has all values that can be drawn, with a little room beyond them."""
        known = [value for value in values if abs(value) <= _MOST] or [0.0]
        low, high = min(known), max(known)
        room = 0.04 * (high - low)
        if room < abs(high) / _MOST_DIGITS or room < 1 / _MOST:
            room = abs(high) if abs(high) > 1 / _MOST else 1.0
        return cls(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers on the axis, and as text; 0 is one of them if the axis has it."""
        rough = (self.high - self.low) / _MOST_STEPS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(times for times in _ROUND if times * power >= rough) * power
        numbers = range(math.ceil(self.low / step), math.floor(self.high / step) + 1)
        return [(number * step, f"{number * step:.6g}") for number in numbers]


def shortened(text: str, longest: int) -> str:
    """Return a text with at most so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
