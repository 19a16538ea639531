"""Figures and gates -> verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.operators.retraining_operator import RetrainingOperator

if TYPE_CHECKING:
    from perennial.promotion.records import Verdict
    from perennial.run import RetrainingRun


class DecideOperator(RetrainingOperator):
    """Hold the evaluation against the spec's gates. A rejection is a result, not a failure.

    Parameters
    ----------
    evaluation, candidate : dict
        Outcomes of evaluate and train.
    **kwargs
        See RetrainingOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*RetrainingOperator.template_fields, "evaluation", "candidate")

    def __init__(self, *, evaluation: dict[str, Any], candidate: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluation = evaluation
        self.candidate = candidate

    def run_stage(self, run: RetrainingRun) -> Verdict:
        """Call `perennial.stages.decide`."""
        from perennial import stages
        from perennial.evaluation.records import Evaluation
        from perennial.training.records import Candidate

        return stages.decide(run, Evaluation.model_validate(self.evaluation), Candidate.model_validate(self.candidate))
