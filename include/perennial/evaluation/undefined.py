"""A metric that the rows do not define."""

from __future__ import annotations


class Undefined(Exception):
    """The metric has no value on these rows; the message says why, in words for the verdict."""
