"""Checks that the sampler of a search can be used here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from perennial.spec.reading.finding import Finding
from perennial.spec.tuning import Tuning


def check_sampler(tuning: Tuning) -> Iterator[Finding]:
    """Yield a finding if the sampler needs a library that is not installed."""
    if tuning.sampler == "gp" and find_spec("torch") is None:
        yield Finding(("tuning", "sampler"), "gp needs torch, which is not installed", "install it, or choose tpe")
