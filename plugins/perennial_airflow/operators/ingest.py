"""Source -> snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.run import RetrainingRun


class IngestOperator(StageOperator):
    """Read the source's window and keep its rows as a snapshot; the XCom is its manifest."""

    def retraining_run(self, context: Context, **source: Any) -> RetrainingRun:
        """Return the arguments of every stage, and what reaches the source."""
        from perennial_airflow.hooks.source import SourceHook

        return super().retraining_run(context, **SourceHook(self.spec.source, self.spec.region).arguments(), **source)
