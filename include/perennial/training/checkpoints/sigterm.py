"""Holds SIGTERM back until a fit has stored what it has learnt."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class HeldSigterm:
    """A signal that may have come meanwhile.

    Attributes
    ----------
    before : signal handler
        What takes the signal without this module.
    pending : bool
        Whether it has come, and waits.
    """

    before: Any
    pending: bool = False

    def deliver(self) -> None:
        """Let a signal that waits do what it does without this module, which may end the process."""
        if self.pending:
            self.pending = False
            signal.signal(signal.SIGTERM, self.before)
            signal.raise_signal(signal.SIGTERM)


@contextmanager
def held_sigterm() -> Iterator[HeldSigterm]:
    """Hold SIGTERM back inside the block; one that was not delivered in it is so at its end."""
    held = HeldSigterm(signal.getsignal(signal.SIGTERM))
    # Python sets handlers in the main thread only; None is a handler that was not set by Python.
    if threading.current_thread() is not threading.main_thread() or held.before is None:
        yield held
        return

    def hold(*_: object) -> None:
        held.pending = True

    signal.signal(signal.SIGTERM, hold)
    try:
        yield held
    finally:
        signal.signal(signal.SIGTERM, held.before)
        held.deliver()
