"""Checks that a spec's expectations exist in Great Expectations, take their arguments, and can fail."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from perennial.spec.reading.finding import Finding
from perennial.spec.reading.problem import did_you_mean
from perennial.spec.validation import Expectation
from perennial.validation.expected_values import ReadAs, check_values


def check_expectations(
    expectations: Sequence[Expectation], read_as: Mapping[str, ReadAs] | None = None
) -> Iterator[Finding]:
    """Yield what is wrong with each expectation.

    Parameters
    ----------
    expectations : sequence of Expectation
    read_as : mapping of column to str
        As which type a column is read, for columns of which the spec says it.
    """
    if not expectations:
        return
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # The import takes five seconds, so it is done only for specs with expectations. It registers all expectations.
    import great_expectations.expectations  # noqa: F401
    from great_expectations.expectations import registry

    known = [name for name in registry.list_registered_expectation_implementations() if name.startswith("expect_")]
    for index, expectation in enumerate(expectations):
        if expectation.type in known:
            kind = registry.get_expectation_impl(expectation.type)
            wrong = list(_wrong_arguments(kind, index, expectation))
            yield from wrong or check_values(index, expectation, read_as or {})
        else:
            yield Finding(
                ("validation", index, "type"),
                f"Great Expectations has no {expectation.type!r}",
                did_you_mean(expectation.type, known),
            )


def _wrong_arguments(kind: Any, index: int, expectation: Expectation) -> Iterator[Finding]:
    from great_expectations.compatibility.pydantic import ValidationError

    try:
        kind(**expectation.kwargs)
    except ValidationError as error:
        # A union type gives one error per alternative: the first is enough.
        first = {str(details["loc"][0]): details for details in reversed(error.errors())}
        if len(first) > 1:  # an argument is wrong: then validators of the whole model are not run
            first.pop("__root__", None)
        for name, details in reversed(first.items()):
            yield _finding(kind, index, expectation, name, details)
    except Exception as error:
        yield Finding(("validation", index, "kwargs"), f"{expectation.type} refuses them: {error}")


def _finding(kind: Any, index: int, expectation: Expectation, name: str, details: dict[str, Any]) -> Finding:
    path = ("validation", index, "kwargs")
    if details["type"] == "value_error.extra":
        arguments = [argument for argument in kind.__fields__ if not argument.startswith("_")]
        return Finding((*path, name), f"{expectation.type} has no argument {name!r}", did_you_mean(name, arguments))
    if details["type"] == "value_error.missing":
        return Finding(path, f"{expectation.type} needs the argument {name!r}")
    if name == "__root__":
        return Finding(path, f"{expectation.type}: {details['msg']}")
    return Finding((*path, name), f"{expectation.kwargs[name]!r}: {details['msg']}")
