"""The error of a metric that has no value on the rows."""

from __future__ import annotations


class Undefined(Exception):
    """The metric has no value on these rows; the message says why, in words for the verdict."""
