"""What ingest hands on: which rows were taken and where they lie."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from perennial.layout import MANIFEST
from perennial.record import Record


class ColumnChange(Record):
    """A column that differs from the model's previous snapshot."""

    column: str
    change: Literal["added", "removed", "retyped"]
    before: str | None = None
    after: str | None = None


class SourceObject(Record):
    """A file that was read, in the version in which it was read; or a query, with its digest as the version."""

    name: str
    version: str


class FutureRows(Record):
    """Rows of the source that were set aside: their event times lie beyond the clock, so they cannot be true."""

    rows: int
    latest: datetime
    """Newest event time that was taken."""
    examples: tuple[str, ...]
    """File, row and event time of a few."""

    @property
    def found(self) -> str:
        """How many and which, in a sentence."""
        lie = "1 row lies" if self.rows == 1 else f"{self.rows:,} rows lie"
        more = f"; and {self.rows - len(self.examples):,} more" if self.rows > len(self.examples) else ""
        return f"{lie} in the future, after {self.latest:%Y-%m-%d %H:%M} UTC ({'; '.join(self.examples)}{more})."

    @property
    def sentence(self) -> str:
        """The same, what became of them, and what to do."""
        one, its = ("It is", "its event time, or if it is") if self.rows == 1 else ("They are", "them, or if they are")
        return f"{self.found} {one} set aside: mend {its} right raise source.future.tolerance_hours."


class Snapshot(Record):
    """Immutable rows, addressed by their content; `manifest.json` beside them holds this and the source objects."""

    model: str
    digest: str
    """Hexadecimal SHA-256 of schema and rows, in whatever order, files and format they came."""
    rows: int
    start: datetime
    """Oldest event time, UTC."""
    end: datetime
    """Newest event time, UTC."""
    window_start: datetime | None
    """Oldest event time that the window lets in; None: no bound."""
    as_of: datetime
    """Newest event time that the window lets in."""
    schema_: dict[str, str]
    """Column -> type, in order."""
    size_bytes: int
    rows_read: int
    """Rows in the window before duplicates were dropped."""
    exact_duplicates: int
    """Rows dropped because another is equal to them in every column."""
    key_duplicates: int
    """Rows dropped because another with the same key is newer."""
    future: FutureRows | None = None
    """Rows of the source that are in no window; None: there are none."""
    schema_changes: tuple[ColumnChange, ...] = ()
    reused: bool = False
    """True where the same rows were there already and nothing was written."""

    @property
    def prefix(self) -> str:
        """Folder of the snapshot in the store, with a slash at its end."""
        return MANIFEST.folder(self.model, self.digest)
