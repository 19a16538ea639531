"""The rows that a model is fitted and judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.data.snapshots.read import read_snapshot

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun


def read_rows(run: RetrainingRun, snapshot: Snapshot) -> pd.DataFrame:
    """Return a snapshot's rows with event time, label, the columns that the features are made from, and groups of folds.

    Raises
    ------
    DataError, StoreError
        The snapshot is gone or damaged.
    """
    spec = run.spec
    group = [spec.folds.group] if spec.folds.group else []
    columns = dict.fromkeys((spec.source.event_time, spec.target.column, *spec.features.input_columns, *group))
    return read_snapshot(run.store, snapshot, columns=list(columns))
