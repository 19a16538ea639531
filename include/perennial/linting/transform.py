"""Checks that a spec's transform is a function that takes a data frame."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from perennial.linting.importing import CannotImport, import_name
from perennial.spec.reading.finding import Finding


def check_transform(transform: str) -> Iterator[Finding]:
    """Yield what is wrong with `module:function`."""
    module_name, _, name = transform.partition(":")
    path = ("features", "transform")
    try:
        function = import_name(module_name, name)
    except CannotImport as error:
        yield Finding(path, error.message, error.hint or "Airflow finds modules in plugins/ and those on PYTHONPATH")
        return
    if not callable(function):
        yield Finding(path, f"{transform} is not a function but of type {type(function).__name__}")
    elif not _takes_one_argument(function):
        yield Finding(path, f"{transform}{inspect.signature(function)} must be callable with one data frame")


def _takes_one_argument(function: object) -> bool:
    try:
        inspect.signature(function).bind(None)  # type: ignore[arg-type]
    except TypeError:
        return False
    except ValueError:  # some functions written in C have no signature
        return True
    return True
