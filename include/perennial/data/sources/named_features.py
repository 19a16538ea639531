"""Features that a spec names by patterns, named by the columns of the source."""

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
        lines = [f"  {dotted(path)}: {message}" for path, message, _ in map(explain, error.errors())]
        raise SpecError(
            f"the spec of {spec.name} does not fit the columns of {where}:\n"
            + "\n".join(lines)
            + f"\nAll of its rows have: {', '.join(map(printable_name, sorted(columns))) or 'none'}. Change the "
            "features in the spec, or correct the source."
        ) from None
