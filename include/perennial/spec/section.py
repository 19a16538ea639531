"""What every part of a spec has in common."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from perennial.spec.limits import MAX_COUNT

# Lists as well as true and false would otherwise be read as numbers, and numbers as text.
Whole = Annotated[int, Field(strict=True, le=MAX_COUNT)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# As many as lie between the years 1 and 9999: more would be beyond every event time there can be.
MOST_DAYS = 3_652_059
Days = Annotated[float, Field(strict=True, allow_inf_nan=False, le=MOST_DAYS)]
Text = Annotated[str, Field(min_length=1)]
AirflowName = Annotated[str, Field(min_length=1, max_length=250)]
"""What Airflow's database has a column for."""
Names = TypeVar("Names", bound=tuple[str, ...])


def _kind(value: object) -> str:
    # What begins like a number was meant as one: YAML takes 1e-3 for text.
    return "[word]" if isinstance(value, str) and not re.match(r"[-+.\d]", value) else "[number]"


A_NUMBER, A_WORD, number_or_word = Tag("[number]"), Tag("[word]"), Discriminator(_kind)
"""Tags of the two kinds of a field that takes a number or a word, and what tells them apart: so an error speaks of one."""


class Section(BaseModel):
    """A frozen piece of a spec that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def no_repeats(names: Names) -> Names:
    """Return the names, or raise ValueError if one of them is there twice."""
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    if repeated:
        raise ValueError(f"named twice: {', '.join(repeated)}")
    return names


def a_second_or_more(days: float | None) -> float | None:
    """Return the days, or raise ValueError if they are so little that no row lies within them."""
    if days is not None and days < 1 / 86_400:
        raise ValueError(f"{days:g} days are less than a second")
    return days


def refuse(*complaints: tuple[tuple[str | int, ...], str]) -> NoReturn:
    """Raise one validation error for several fields, from a validator that looks at more than one.

    Parameters
    ----------
    *complaints : tuple of (path, message)
        The path is relative to the part that is validated; pydantic puts the part's own in front.
    """
    # A brace in a message would be taken for a placeholder, so the message is passed as a value.
    details = [
        InitErrorDetails(type=PydanticCustomError("spec", "{message}", {"message": message}), loc=path, input=None)
        for path, message in complaints
    ]
    raise ValidationError.from_exception_data("spec", details)
