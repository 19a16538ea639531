"""The rows that a model is fitted and judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.data.snapshots.read import read_snapshot

if TYPE_CHECKING:
    import pandas as pd

    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun


def read_rows(run: RetrainingRun, snapshot: Snapshot) -> pd.DataFrame:
    """Return a snapshot's rows with their event times, their labels, and what the spec's features are made of.

    Raises
    ------
    DataError, StoreError
        The snapshot is gone or damaged.
    """
    spec = run.spec
    columns = dict.fromkeys((spec.source.event_time, spec.target.column, *spec.features.input_columns))
    return read_snapshot(run.store, snapshot, columns=list(columns))
