"""The operator of ingest: from the source to a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.run import RetrainingRun


class IngestOperator(StageOperator):
    """Read the source's window and store its rows as a snapshot. The XCom is the snapshot's record."""

    def retraining_run(self, context: Context, **source: Any) -> RetrainingRun:
        """Return the arguments of every stage, with those for reading the source."""
        from perennial_airflow.hooks.source import SourceHook

        return super().retraining_run(context, **SourceHook(self.spec.source, self.spec.region).arguments(), **source)
