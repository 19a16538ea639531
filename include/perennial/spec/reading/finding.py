"""What a check of `perennial lint` found, before it is known where in the file that is."""

from __future__ import annotations

from typing import NamedTuple

from perennial.spec.reading.problem import FieldPath


class Finding(NamedTuple):
    """A problem by its path in the spec."""

    path: FieldPath
    message: str
    hint: str = ""


class Caution(Finding):
    """Of a spec that can be used and perhaps does not do what was meant: a warning."""
