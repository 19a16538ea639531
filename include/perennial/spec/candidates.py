"""The estimators that a search chooses from, each with its search space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from perennial.spec.patterns import CLASS_PATH
from perennial.spec.section import A_NUMBER, Section, refuse

# A range is of whole numbers if its bounds are, so 1 must not become 1.0.
Bound = Annotated[
    Annotated[int, Field(strict=True), Tag("[whole]")]
    | Annotated[float, Field(strict=True, allow_inf_nan=False), A_NUMBER],
    Discriminator(lambda given: "[whole]" if type(given) is int else "[number]"),
]


class SearchedParameter(Section):
    """The values that one parameter may get: either a range of numbers, or choices."""

    low: Bound | None = None
    """Lowest number. If both bounds are whole numbers, so are all between them."""
    high: Bound | None = None
    """Highest number."""
    log: bool = False
    """Search the logarithm, for numbers that differ by orders of magnitude."""
    step: Bound | None = Field(default=None, gt=0)
    """Distance between two numbers; a grid needs it, unless all numbers are whole."""
    choices: tuple[Any, ...] = Field(default=(), max_length=1000)
    """The values themselves, of any type."""
    when: dict[str, Any] = {}
    """Set only if each of these other parameters of the search has this value."""

    @property
    def is_whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[Any, ...]:
        """All choices, or lowest and highest number."""
        return self.choices or (self.low, self.high)

    @model_validator(mode="after")
    def _range_or_choices(self) -> Self:
        bounds = [name for name in ("low", "high", "log", "step") if name in self.model_fields_set]
        if self.choices:
            if bounds:
                raise ValueError(f"choices stand alone: leave {', '.join(bounds)} out, or give a range instead")
            if any(one in self.choices[:number] for number, one in enumerate(self.choices)):
                raise ValueError(f"a choice is named twice: {list(self.choices)}")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        self._check_range(self.low, self.high)
        return self

    def _check_range(self, low: float, high: float) -> None:
        if low >= high:
            raise ValueError(f"low must be below high: {low:g} is not below {high:g}")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other")
        if self.log and low <= 0:
            raise ValueError(f"a logarithm needs low above 0, not {low:g}")
        if self.is_whole and isinstance(self.step, float):
            raise ValueError(f"a range of whole numbers needs a whole step, not {self.step:g}")
        if self.step is not None and self.step > high - low:
            raise ValueError(f"a step of {self.step:g} leaves the range from {low:g} to {high:g} with one number")


class CandidateEstimator(Section):
    """One of the estimators that compete, with parameters that are fixed and parameters that are searched."""

    estimator: str = Field(pattern=CLASS_PATH)
    """Import path of the class."""
    params: dict[str, Any] = {}
    """Arguments of its constructor that stay as they are."""
    search: dict[str, SearchedParameter] = {}
    """Name of an argument -> the values that it may get. Empty: the estimator competes as it is."""

    @property
    def order(self) -> tuple[str, ...]:
        """The searched parameters, each after those on which it depends."""
        return tuple(TopologicalSorter({name: list(one.when) for name, one in self.search.items()}).static_order())

    @property
    def size(self) -> float:
        """Number of points of its grid; infinity if a range of it is continuous."""
        return math.prod(_points(one) for one in self.search.values())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        complaints = [*self._set_twice(), *self._wrong_conditions()]
        if complaints:
            refuse(*complaints)
        try:
            self.order  # noqa: B018
        except CycleError as error:
            raise ValueError(f"search: the parameters depend on each other in a circle: {error.args[1]}") from None
        return self

    def _set_twice(self) -> Iterator[tuple[tuple[str, ...], str]]:
        for part in ("params", "search"):
            if "random_state" in getattr(self, part):
                yield (part, "random_state"), "random_state is set by model.seed"
        for name in self.search:
            if name in self.params:
                yield ("search", name), "is fixed in params: search it or fix it"

    def _wrong_conditions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        for name, one in self.search.items():
            for other, value in one.when.items():
                place = ("search", name, "when", other)
                if other not in self.search or not self.search[other].choices:
                    names = ", ".join(known for known, any_of in self.search.items() if any_of.choices) or "none"
                    yield place, f"is not a searched parameter with choices; those are: {names}"
                elif value not in self.search[other].choices:
                    yield place, f"never holds: {value!r} is not among its choices {list(self.search[other].choices)}"


def _points(one: SearchedParameter) -> float:
    if one.choices:
        return len(one.choices)
    low, high = one.low or 0, one.high or 0
    step = one.step or (1 if one.is_whole else None)
    return math.inf if step is None else math.floor((high - low) / step + 1e-9) + 1


def is_active(one: SearchedParameter, chosen: Mapping[str, Any]) -> bool:
    """Tell whether a parameter is set, given those on which it depends that are set."""
    return all(other in chosen and chosen[other] == value for other, value in one.when.items())
