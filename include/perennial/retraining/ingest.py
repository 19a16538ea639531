"""Source -> snapshot that a model can be trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perennial.data.ingest import ingest as ingest_rows
from perennial.data.snapshots.run_on import run_on
from perennial.training.pipeline import build_pipeline
from perennial.training.prospects import check_prospects
from perennial.tuning.space import Space

if TYPE_CHECKING:
    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun


def ingest(run: RetrainingRun) -> Snapshot:
    """Read the source's window and store its rows as a snapshot, if a model can be trained on them.

    Raises
    ------
    DataError
        The source cannot be read as the spec says, has no rows in the window, or no rows to train on.
    StoreError
        The store cannot take the snapshot.
    TrainingError
        The estimator cannot be built, or cannot learn from these rows.
    SpecError
        The labels are not those that the spec names, or its patterns of features do not fit the source's columns.
    """
    # Its errors should be reported before the rows are read.
    for spec in [choice.applied(run.spec) for choice in Space.of(run.spec).examples()] or [run.spec]:
        build_pipeline(spec)
    snapshot = ingest_rows(run)
    check_prospects(run_on(run, snapshot), snapshot)
    return snapshot
