"""The record that ingest returns: which rows were taken and where they are stored."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from perennial.layout import MANIFEST
from perennial.record import Record
from perennial.spec.feature_names import FeatureKind


class ColumnChange(Record):
    """A column that differs from the model's previous snapshot."""

    column: str
    change: Literal["added", "removed", "retyped"]
    before: str | None = None
    after: str | None = None


class SourceObject(Record):
    """A file that was read, with its version then; or a query, with its digest as the version."""

    name: str
    version: str


class FutureRows(Record):
    """Rows of the source that were set aside, because their event times lie in the future and so cannot be true."""

    rows: int
    latest: datetime
    """Newest event time that was accepted."""
    examples: tuple[str, ...]
    """File, row and event time of a few of the rows."""

    @property
    def found(self) -> str:
        """How many rows and which, in a sentence."""
        lie = "1 row lies" if self.rows == 1 else f"{self.rows:,} rows lie"
        more = f"; and {self.rows - len(self.examples):,} more" if self.rows > len(self.examples) else ""
        return f"{lie} in the future, after {self.latest:%Y-%m-%d %H:%M} UTC ({'; '.join(self.examples)}{more})."

    @property
    def sentence(self) -> str:
        """As `found`, with what was done with the rows, and what to do."""
        one, its = ("It is", "its event time, or if it is") if self.rows == 1 else ("They are", "them, or if they are")
        return f"{self.found} {one} set aside: correct {its} right raise source.future.tolerance_hours."


class Snapshot(Record):
    """Immutable rows, addressed by their content; `manifest.json` beside them holds this and the source objects."""

    model: str
    digest: str
    """Hexadecimal SHA-256 of schema and rows. It does not depend on the order, files and format of the source."""
    rows: int
    start: datetime
    """Oldest event time, UTC."""
    end: datetime
    """Newest event time, UTC."""
    window_start: datetime | None
    """Start of the window, included; None: no bound."""
    as_of: datetime
    """End of the window, included."""
    schema_: dict[str, str]
    """Column -> type, in order."""
    size_bytes: int
    rows_read: int
    """Rows in the window before duplicates were dropped."""
    exact_duplicates: int
    """Rows dropped because another is equal to them in every column."""
    key_duplicates: int
    """Rows dropped because another with the same key is newer."""
    features: dict[FeatureKind, tuple[str, ...]] = {}
    """Kind -> the run's features, with the columns that patterns of the spec stand for, without those left out."""
    imputed: tuple[str, ...] = ()
    """Features that are missing in some or all rows, since the source lacks them there; see `source.changes.gone`."""
    left_out: tuple[str, ...] = ()
    """Features of the spec that have no value, so that the run does without them; see `source.changes.empty`."""
    future: FutureRows | None = None
    """Rows of the source that were set aside; None: there are none."""
    schema_changes: tuple[ColumnChange, ...] = ()
    reused: bool = False
    """True if the same rows were stored already and nothing was written."""

    @property
    def gone(self) -> str:
        """Which features the source lacks or has without a value, and what to do; empty: none."""
        if not self.imputed and not self.left_out:
            return ""
        lacks = (
            f"The source lacks {', '.join(self.imputed)} in some or all rows of the window: taken as missing there, as "
        )
        empty = f"{', '.join(self.left_out)} without a value in the whole window: left out of this training, as "
        return (
            (f"{lacks}source.changes.gone says. " if self.imputed else "")
            + (f"{empty}source.changes.empty says. " if self.left_out else "")
            + "Correct the source, or take what is gone for good out of the features."
        )

    @property
    def prefix(self) -> str:
        """Folder of the snapshot in the store, with a slash at its end."""
        return MANIFEST.folder(self.model, self.digest)
