"""What a package requires, and all that this requires in turn, among the distributions that are installed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from perennial.errors import PackageError


def required(requirements: Iterable[str]) -> Mapping[str, Distribution]:
    """Return name -> installed distribution, for requirements and all that they require in turn.

    Raises
    ------
    PackageError
        One is not installed, or in another version.
    """
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if name in found or (asked.marker and not asked.marker.evaluate({"extra": ""})):
            continue
        try:
            there = distribution(name)
        except PackageNotFoundError:
            raise PackageError(f"it requires {asked}, which is not installed here") from None
        if not asked.specifier.contains(there.version, prereleases=True):
            raise PackageError(f"it requires {asked}, and here is {there.version}")
        found[name] = there
        waiting += [Requirement(text) for text in there.requires or ()]
    return dict(sorted(found.items()))
