"""What a rehearsal measured."""

from __future__ import annotations

from datetime import datetime

from perennial.record import Figure, Record
from perennial.spec.packages import PackageKind


class Latency(Record):
    """How long calls took, in milliseconds."""

    rows: int
    """Rows in each call."""
    calls: int
    p50: Figure
    p95: Figure
    p99: Figure


class FarRow(Record):
    """A row on which a package and the bundle differ."""

    position: int
    """Among the holdout's rows, from 0."""
    at: datetime
    """Its event time, UTC."""
    difference: Figure


class Rehearsed(Record):
    """One package, run as its users will run it."""

    kind: PackageKind
    file: str
    error: str = ""
    """Why it could not be made or run; empty: it could."""
    rows: int = 0
    difference: Figure = float("nan")
    """Largest difference to the bundle's predictions on any row; NaN: it was not run."""
    labels_changed: int = 0
    """Rows with another label than the bundle's, where its own scores are not so close that a difference that the spec
    allows can change it."""
    farthest: tuple[FarRow, ...] = ()
    """The rows with the largest differences, the largest first; none where there is no difference."""
    load_s: Figure = float("nan")
    """Seconds until it can predict."""
    one: Latency | None = None
    thousand: Latency | None = None
    memory_mb: Figure = float("nan")
    """Peak memory of its process, MiB."""


class Rehearsal(Record):
    """The rehearsal of all packages of a model."""

    bundle_digest: str
    packages: tuple[Rehearsed, ...]
