"""Where training ends and the holdout begins: planned once, kept with the model, and applied by all steps."""

from __future__ import annotations

from datetime import datetime

from perennial.record import Record


class SplitPlan(Record):
    """A split of a snapshot's labelled rows by event time.

    Rows up to `train_end` are trained on, rows from `holdout_start` on are held out. The labels of the rows between
    were not known when the holdout began, so these are in neither.
    """

    event_time: str
    """Column of the event time."""
    target: str
    """Column of the target; rows without a value have no label."""
    purge_days: float
    """Days until a label is known: training ends at least that long before the holdout begins."""
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
    """Number of labelled rows between the two."""
    unlabelled_rows: int
    """Number of rows without a label, which are in neither."""
