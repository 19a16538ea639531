"""What goes wrong in a demo, in words for the person who typed `make demo`."""

from __future__ import annotations


class DemoError(Exception):
    """The demo cannot go on. The message says why, and what to do."""
