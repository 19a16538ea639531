"""What could not be explained, and why, in words."""

from __future__ import annotations

from perennial.errors import PerennialError
from perennial.evaluation.undefined import Undefined

_LONGEST = 300


class NotExplained(PerennialError):
    """SHAP cannot explain an estimator, or not here."""


def why(error: Exception) -> str:
    """Return an error in words: its first line, shortened, since libraries put whole tables into their messages."""
    first = (str(error).splitlines() or [""])[0][:_LONGEST]
    if isinstance(error, PerennialError | Undefined):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
