"""Findings of `perennial lint`, before they have a line in the file."""

from __future__ import annotations

from typing import NamedTuple

from perennial.spec.reading.problem import FieldPath


class Finding(NamedTuple):
    """A problem, with its path in the spec."""

    path: FieldPath
    message: str
    hint: str = ""


class Caution(Finding):
    """A warning: the spec can be used, but may not do what was intended."""
