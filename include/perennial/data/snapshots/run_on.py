"""The run as its later stages see it: with the features that ingest found in the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perennial.errors import DataError

if TYPE_CHECKING:
    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun


def run_on(run: RetrainingRun, snapshot: Snapshot) -> RetrainingRun:
    """Return the run with the features of its snapshot, if ingest named or left out some.

    Raises
    ------
    DataError
        The snapshot does not say which features it has.
    """
    patterns = run.spec.features.patterns
    if not patterns and not snapshot.left_out:
        return run
    if not snapshot.features:
        raise DataError(
            f"snapshot {snapshot.digest[:12]} of {snapshot.model} does not say what {', '.join(patterns)} stands for: "
            "run ingest again"
        )
    return replace(run, spec=run.spec.with_features(snapshot.features))
