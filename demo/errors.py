"""The errors of a demo, with messages for the person who ran `make demo`."""

from __future__ import annotations


class DemoError(Exception):
    """The demo cannot continue. The message says why, and what to do."""
