"""The model registry's answer to who is champion."""

from __future__ import annotations

from datetime import datetime

from perennial.record import Record


class Champion(Record):
    """The version that held the alias `champion` when the candidate was judged."""

    version: str
    mlflow_run_id: str
    snapshot_digest: str
    spec_digest: str
    code_version: str
    train_end: datetime | None

    @property
    def is_foreign(self) -> bool:
        """Perennial did not register it: what it was trained on is not known, and its files are not loaded."""
        return not self.snapshot_digest
