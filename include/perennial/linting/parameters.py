"""Checks the names of a constructor's arguments."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping

from perennial.spec.reading.finding import Finding
from perennial.spec.reading.problem import FieldPath, did_you_mean


def wrong_parameters(kind: type, given: Collection[str], path: FieldPath) -> Iterator[Finding]:
    """Yield the arguments that a constructor does not have, and those that it needs and are not given.

    Parameters
    ----------
    kind : type
        The class.
    given : collection of str
        Names of the arguments, without `random_state`, which is set wherever there is one.
    path : tuple
        The place of the arguments in the spec.
    """
    parameters = parameters_of(kind)
    if parameters is None:
        return
    for name in given:
        if name not in parameters:
            message = f"{kind.__name__} has no parameter {name!r}"
            yield Finding((*path, name), message, did_you_mean(name, parameters))
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in {*given, "random_state"}:
            yield Finding(path, f"{kind.__name__} needs the parameter {name!r}")


def parameters_of(kind: type) -> Mapping[str, inspect.Parameter] | None:
    """Return the constructor's parameters; None if it accepts any, or if they are not known."""
    try:
        parameters = inspect.signature(kind).parameters
    except ValueError:  # some classes written in C
        return None
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return None
    return {name: parameter for name, parameter in parameters.items() if parameter.kind not in variable}
