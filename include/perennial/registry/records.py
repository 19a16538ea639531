"""The model registry's answer to who is champion."""

from __future__ import annotations

from datetime import datetime

from perennial.ensemble.records import MemberWeight
from perennial.record import Record

CHAMPION = "champion"
"""The alias of the version that serves."""


class Champion(Record):
    """The version that holds the alias `champion`; all but the first two fields are empty where Perennial did not train it.

    Where several models serve together, it speaks of the newest of them.
    """

    version: str
    mlflow_run_id: str
    bundle_digest: str = ""
    snapshot_digest: str = ""
    train_end: datetime | None = None
    """Newest event time among the rows that it was fitted on, UTC."""
    twin_train_end: datetime | None = None
    """Newest event time among the rows that its judged twin was fitted on, UTC; without a refit the same."""
    weights: tuple[MemberWeight, ...] = ()
    """Of its members now, oldest first; none: it is one model."""

    @property
    def name(self) -> str:
        """What sentences call it."""
        return f"champion v{self.version}"

    @property
    def is_refit(self) -> bool:
        """What serves is not what was judged: it has learnt from the holdout too."""
        return self.train_end != self.twin_train_end

    @property
    def is_foreign(self) -> bool:
        """Perennial did not train it, or not with this store: what it was trained on is not known."""
        return not self.bundle_digest
