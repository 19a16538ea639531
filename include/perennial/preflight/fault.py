"""What a check of the surroundings found wrong."""

from __future__ import annotations

from perennial.errors import PerennialError


class Fault(PerennialError):
    """Something that stays wrong until someone changes it."""


class NotReady(Fault):
    """Something that may come right by itself, such as a server that is still starting."""

    retryable = True
