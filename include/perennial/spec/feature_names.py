"""Patterns in lists of features: what they match, and the names that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

FeatureKind = Literal["numeric", "categorical", "text", "datetime"]
Kinds = Mapping[FeatureKind, Sequence[str]]
"""Kind -> names of the features of this kind, and patterns."""
ALL_OTHERS = "*"
"""Stands for every column that has no other role and that nothing else in the lists stands for."""

Complaint = tuple[tuple[str | int, ...], str]


def is_pattern(entry: str) -> bool:
    """Tell whether an entry stands for the columns that are like it: it has a `*`, for any characters."""
    return "*" in entry


def is_like(name: str, pattern: str) -> bool:
    """Tell whether a pattern matches a name."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def named(kinds: Kinds, columns: Sequence[str]) -> dict[FeatureKind, tuple[str, ...]]:
    """Return the lists with the columns that each pattern stands for in its place.

    Parameters
    ----------
    kinds : mapping of kind to names and patterns
    columns : sequence of str
        Columns that patterns may take, in the order in which the result has them.
    """
    meant = _meant(kinds, columns)
    return {
        kind: tuple(dict.fromkeys(name for entry in entries for name in meant[entry]))
        for kind, entries in kinds.items()
    }


def unclear_patterns(kinds: Kinds, columns: Sequence[str]) -> Iterator[Complaint]:
    """Yield each pattern that stands for nothing, or for what one of another kind stands for: path, and message."""
    meant, found = _meant(kinds, columns), named(kinds, columns)
    for kind, entries in kinds.items():
        for index, entry in enumerate(entries):
            if not meant[entry]:
                yield (kind, index), f"{entry!r} stands for no column that has no other role"
            for other in kinds:
                both = [name for name in meant[entry] if other != kind and name in found[other]]
                if both:
                    yield (
                        (kind, index),
                        f"{', '.join(both)}: a pattern under {other} stands for the same; name the kind",
                    )


def _meant(kinds: Kinds, columns: Sequence[str]) -> dict[str, list[str]]:
    """Return what each entry stands for.

    A column that is named itself is taken by no pattern, even if it has the sign of one, and what a pattern takes is not
    among all others.
    """
    entries = {entry for entries in kinds.values() for entry in entries}
    names = {entry for entry in entries if not is_pattern(entry) or entry in columns}
    meant = {name: [name] for name in names}
    for pattern in entries - names - {ALL_OTHERS}:
        meant[pattern] = [name for name in columns if name not in names and is_like(name, pattern)]
    taken = {name for found in meant.values() for name in found}
    return {ALL_OTHERS: [name for name in columns if name not in taken], **meant}
