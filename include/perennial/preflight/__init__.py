"""Checks before a process starts: of the stores, of MLflow, of the clocks, and of the version of Perennial."""

from __future__ import annotations

from perennial.preflight.clock import check_clock_of
from perennial.preflight.fault import Fault, NotReady
from perennial.preflight.runner import run_checks
from perennial.preflight.sorting import check_sorting
from perennial.preflight.store import check_store
from perennial.preflight.tracking import check_tracking
from perennial.preflight.version import check_version, difference, record_version

__all__ = [
    "Fault",
    "NotReady",
    "check_clock_of",
    "check_sorting",
    "check_store",
    "check_tracking",
    "check_version",
    "difference",
    "record_version",
    "run_checks",
]
