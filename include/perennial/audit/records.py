"""The manifest of an audit's archive."""

from __future__ import annotations

from datetime import datetime

from perennial.record import Record

MANIFEST_NAME = "manifest.json"


class AuditedFile(Record):
    """A file of the archive."""

    name: str
    sha256: str
    """Hexadecimal, of its bytes in the archive."""
    size_bytes: int
    source: str
    """Where it came from: a key of the store, or `mlflow:` and a version or a file of a run."""
    sealed: bool
    """Whether it carries a digest of its own from when it was written, which was verified."""


class AuditManifest(Record):
    """What an archive contains, what it lacks, and what was left out on purpose."""

    model: str
    since: datetime | None
    until: datetime | None
    """The period; None: without a bound."""
    moves: tuple[int, ...]
    """Numbers of the moves of the alias, the one before the period included: its version was champion in the period."""
    versions: tuple[str, ...]
    """Champions of the period, and what was registered in it."""
    checks: tuple[int, ...]
    """Numbers of the checks."""
    problems: tuple[str, ...]
    """A sentence for each record that is damaged or gone."""
    left_out: dict[str, str]
    """What is never in an archive -> why."""
    files: tuple[AuditedFile, ...]
    """All files but this one, by name."""
