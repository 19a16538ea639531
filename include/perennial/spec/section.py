"""The base class and types of all parts of a spec."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from perennial.spec.limits import MAX_COUNT

# Otherwise pydantic would accept true and false as numbers, and numbers as text.
Whole = Annotated[int, Field(strict=True, le=MAX_COUNT)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# The number of days from year 1 to 9999: more would be beyond all possible event times.
MOST_DAYS = 3_652_059
Days = Annotated[float, Field(strict=True, allow_inf_nan=False, le=MOST_DAYS)]
Text = Annotated[str, Field(min_length=1)]
AirflowName = Annotated[str, Field(min_length=1, max_length=250)]
"""The range of the column in Airflow's database."""
Names = TypeVar("Names", bound=tuple[str, ...])


def _kind(value: object) -> str:
    # What begins like a number was meant as one: YAML takes 1e-3 for text.
    return "[word]" if isinstance(value, str) and not re.match(r"[-+.\d]", value) else "[number]"


A_NUMBER, A_WORD, number_or_word = Tag("[number]"), Tag("[word]"), Discriminator(_kind)
"""Tags for fields that take a number or a word, with their discriminator, so that an error is only about one kind."""


class Section(BaseModel):
    """A frozen part of a spec that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def no_repeats(names: Names) -> Names:
    """Return the names, or raise ValueError if one occurs twice."""
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    if repeated:
        raise ValueError(f"named twice: {', '.join(repeated)}")
    return names


def a_second_or_more(days: float | None) -> float | None:
    """Return the days, or raise ValueError if they are less than a second."""
    if days is not None and days < 1 / 86_400:
        raise ValueError(f"{days:g} days are less than a second")
    return days


def refuse(*complaints: tuple[tuple[str | int, ...], str]) -> NoReturn:
    """Raise one validation error for several fields, from a validator that looks at more than one.

    Parameters
    ----------
    *complaints : tuple of (path, message)
        The path is relative to the part that is validated; pydantic adds the part's own path before it.
    """
    # Braces in a message would be read as placeholders, so the message is passed as a value.
    details = [
        InitErrorDetails(type=PydanticCustomError("spec", "{message}", {"message": message}), loc=path, input=None)
        for path, message in complaints
    ]
    raise ValidationError.from_exception_data("spec", details)
