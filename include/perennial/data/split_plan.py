"""Where training ends and the holdout begins: settled once, kept with the model, applied by everyone alike."""

from __future__ import annotations

from datetime import datetime

from perennial.record import Record


class SplitPlan(Record):
    """A split of a snapshot's labelled rows by event time.

    Rows up to `train_end` are trained on, rows from `holdout_start` on are held out. The labels of those between were not
    known when the holdout began: they are in neither.
    """

    event_time: str
    """Column by which it splits."""
    target: str
    """Column that says which rows have a label."""
    purge_days: float
    """How long a label takes to be known: training ends at least so long before the holdout begins."""
    train_start: datetime
    """Oldest event time that is trained on, UTC."""
    train_end: datetime
    """Newest event time that is trained on, UTC."""
    holdout_start: datetime
    """Oldest event time that is held out, UTC."""
    holdout_end: datetime
    """Newest event time that is held out, UTC."""
    train_rows: int
    holdout_rows: int
    gap_rows: int
    """Labelled rows between the two."""
    unlabelled_rows: int
    """Rows without a label, which are in neither."""
