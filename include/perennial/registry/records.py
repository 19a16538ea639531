"""The model registry's answer to who is champion."""

from __future__ import annotations

from datetime import datetime

from perennial.record import Record


class Champion(Record):
    """The version that holds the alias `champion`; all but the first two fields are empty where Perennial did not train it."""

    version: str
    mlflow_run_id: str
    bundle_digest: str = ""
    snapshot_digest: str = ""
    train_end: datetime | None = None
    """Newest event time among the training rows, UTC."""

    @property
    def name(self) -> str:
        """What sentences call it."""
        return f"champion v{self.version}"

    @property
    def is_foreign(self) -> bool:
        """Perennial did not train it, or not with this store: what it was trained on is not known."""
        return not self.bundle_digest
