"""Source -> snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.operators.retraining_operator import RetrainingOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.data.snapshots.records import Snapshot
    from perennial.run import RetrainingRun


class IngestOperator(RetrainingOperator):
    """Read the source's window and keep its rows as a snapshot; the XCom is its manifest."""

    def run_stage(self, run: RetrainingRun) -> Snapshot:
        """Call `perennial.stages.ingest`."""
        from perennial import stages

        return stages.ingest(run)

    def retraining_run(self, context: Context, **source: Any) -> RetrainingRun:
        """Return the arguments of every stage, and what reaches the source."""
        from perennial_airflow.hooks.source import SourceHook

        return super().retraining_run(context, **SourceHook(self.spec.source, self.spec.region).arguments(), **source)
