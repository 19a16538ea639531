"""The rows that a model is fitted and judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.data.snapshots.read import read_snapshot

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun


def read_rows(run: RetrainingRun, snapshot: Snapshot) -> pd.DataFrame:
    """Return a snapshot's rows with the columns that a model is fitted from.

    Raises
    ------
    DataError, StoreError
        The snapshot is gone or damaged.
    """
    return read_snapshot(run.store, snapshot, columns=list(run.spec.training_columns))
