"""The features of a run: those that a spec names by patterns, named by the columns of the source, without empty ones."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import ValidationError

from perennial.errors import SpecError
from perennial.printable import printable_name
from perennial.spec import ModelSpec
from perennial.spec.reading.messages import explain
from perennial.spec.reading.problem import dotted


def with_named_features(spec: ModelSpec, columns: Collection[str], where: str) -> ModelSpec:
    """Return the spec with the columns that its patterns stand for in their place; without patterns the spec itself.

    Parameters
    ----------
    spec : ModelSpec
    columns : collection of str
        Columns that all rows have.
    where : str
        The source's name.

    Raises
    ------
    SpecError
        A pattern matches no column, or one of another kind; or the spec is wrong with these features.
    """
    if not spec.features.patterns:
        return spec
    try:
        return spec.with_columns(columns)
    except ValidationError as error:
        have = f"All of its rows have: {', '.join(map(printable_name, sorted(columns))) or 'none'}. "
        raise _unfit(spec, where, error, have) from None


def without_empty_features(spec: ModelSpec, empty: Collection[str], where: str) -> ModelSpec:
    """Return the spec without features that have no value, if it leaves such features out.

    Parameters
    ----------
    spec : ModelSpec
    empty : collection of str
        Columns that are missing in all rows.
    where : str
        The source's name.

    Raises
    ------
    SpecError
        No other feature is left, or a step names one of them.
    """
    left_out = set(spec.features.columns).intersection(empty)
    if not left_out or spec.source.changes.empty != "leave_out" or spec.features.transform is not None:
        return spec
    try:
        return spec.without_features(left_out)
    except ValidationError as error:
        have = f"Without a value in the window: {', '.join(map(printable_name, sorted(left_out)))}. "
        raise _unfit(spec, where, error, have) from None


def _unfit(spec: ModelSpec, where: str, error: ValidationError, found: str) -> SpecError:
    lines = [f"  {dotted(path)}: {message}" for path, message, _ in map(explain, error.errors())]
    return SpecError(
        f"the spec of {spec.name} does not fit {where}:\n"
        + "\n".join(lines)
        + f"\n{found}Change the features in the spec, or correct the source."
    )
