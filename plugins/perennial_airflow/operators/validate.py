"""Snapshot -> report, or the end of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.links.data_docs import DataDocsLink
from perennial_airflow.operators.retraining_operator import RetrainingOperator

if TYPE_CHECKING:
    from perennial.run import RetrainingRun
    from perennial.validation.records import Validation


class ValidateOperator(RetrainingOperator):
    """Check the snapshot against the spec's expectations. A failure ends the run at once and changes nothing.

    Parameters
    ----------
    snapshot : dict
        Outcome of ingest.
    **kwargs
        See RetrainingOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*RetrainingOperator.template_fields, "snapshot")
    operator_extra_links = (DataDocsLink(),)

    def __init__(self, *, snapshot: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot

    def run_stage(self, run: RetrainingRun) -> Validation:
        """Call `perennial.stages.validate`."""
        from perennial import stages
        from perennial.data.snapshots.records import Snapshot

        return stages.validate(run, Snapshot.model_validate(self.snapshot))
