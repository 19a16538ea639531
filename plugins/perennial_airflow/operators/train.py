"""Snapshot -> candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.links.mlflow_run import MlflowRunLink
from perennial_airflow.operators.retraining_operator import RetrainingOperator

if TYPE_CHECKING:
    from perennial.run import RetrainingRun
    from perennial.training.records import Candidate


class TrainOperator(RetrainingOperator):
    """Fit the spec's model on all but the holdout and log it to MLflow.

    Parameters
    ----------
    snapshot : dict
        Outcome of ingest.
    **kwargs
        See RetrainingOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*RetrainingOperator.template_fields, "snapshot")
    operator_extra_links = (MlflowRunLink(),)

    def __init__(self, *, snapshot: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot

    def run_stage(self, run: RetrainingRun) -> Candidate:
        """Call `perennial.stages.train`."""
        from perennial import stages
        from perennial.data.snapshots.records import Snapshot

        return stages.train(run, Snapshot.model_validate(self.snapshot))
