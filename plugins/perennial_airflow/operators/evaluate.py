"""Candidate and champion -> figures on the same holdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.links.mlflow_run import MlflowRunLink
from perennial_airflow.operators.retraining_operator import RetrainingOperator

if TYPE_CHECKING:
    from perennial.evaluation.records import Evaluation
    from perennial.run import RetrainingRun


class EvaluateOperator(RetrainingOperator):
    """Score candidate and champion on the same holdout; metrics and plots go to the candidate's MLflow run.

    Parameters
    ----------
    snapshot, candidate : dict
        Outcomes of ingest and train.
    **kwargs
        See RetrainingOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*RetrainingOperator.template_fields, "snapshot", "candidate")
    operator_extra_links = (MlflowRunLink(),)

    def __init__(self, *, snapshot: dict[str, Any], candidate: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.candidate = candidate

    def run_stage(self, run: RetrainingRun) -> Evaluation:
        """Call `perennial.stages.evaluate`."""
        from perennial import stages
        from perennial.data.snapshots.records import Snapshot
        from perennial.training.records import Candidate

        return stages.evaluate(run, Snapshot.model_validate(self.snapshot), Candidate.model_validate(self.candidate))
