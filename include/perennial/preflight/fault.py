"""The errors of preflight checks."""

from __future__ import annotations

from perennial.errors import PerennialError


class Fault(PerennialError):
    """A fault that stays until someone corrects it."""


class NotReady(Fault):
    """A fault that may go away by itself, such as a server that is still starting."""

    retryable = True
