"""The champion, as the model registry names it."""

from __future__ import annotations

from datetime import datetime

from perennial.ensemble.records import MemberWeight
from perennial.record import Record

CHAMPION = "champion"
"""The alias of the served version."""


class Champion(Record):
    """The version with the alias `champion`; all but the first two fields are empty if Perennial did not train it.

    If several models serve together, the fields are those of the newest one.
    """

    version: str
    mlflow_run_id: str
    bundle_digest: str = ""
    snapshot_digest: str = ""
    train_end: datetime | None = None
    """Newest event time among the rows that the served model was fitted on, UTC."""
    twin_train_end: datetime | None = None
    """Newest event time among the rows that its judged twin was fitted on, UTC; without a refit as `train_end`."""
    weights: tuple[MemberWeight, ...] = ()
    """Current weights of its members, oldest first; empty: it is one model."""

    @property
    def name(self) -> str:
        """Its name in sentences."""
        return f"champion v{self.version}"

    @property
    def is_refit(self) -> bool:
        """Whether the served model is not the judged one, but a refit that has learnt from the holdout too."""
        return self.train_end != self.twin_train_end

    @property
    def is_foreign(self) -> bool:
        """Whether Perennial did not train it, or not with this store, so that its training rows are not known."""
        return not self.bundle_digest
