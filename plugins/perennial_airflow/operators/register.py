"""Candidate -> version in the model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.links.model_version import ModelVersionLink
from perennial_airflow.operators.retraining_operator import RetrainingOperator

if TYPE_CHECKING:
    from perennial.promotion.records import RegisteredVersion
    from perennial.run import RetrainingRun


class RegisterOperator(RetrainingOperator):
    """Make the candidate a version, tagged with its evidence; a rejected one becomes challenger. Skipped in a dry run.

    Parameters
    ----------
    candidate, evaluation, verdict : dict
        Outcomes of train, evaluate and decide.
    **kwargs
        See RetrainingOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (
        *RetrainingOperator.template_fields,
        "candidate",
        "evaluation",
        "verdict",
    )
    operator_extra_links = (ModelVersionLink(),)

    def __init__(
        self, *, candidate: dict[str, Any], evaluation: dict[str, Any], verdict: dict[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.candidate = candidate
        self.evaluation = evaluation
        self.verdict = verdict

    def run_stage(self, run: RetrainingRun) -> RegisteredVersion:
        """Call `perennial.stages.register`, except in a dry run."""
        from airflow.sdk.exceptions import AirflowSkipException

        from perennial import stages
        from perennial.evaluation.records import Evaluation
        from perennial.promotion.records import Verdict
        from perennial.training.records import Candidate

        verdict = Verdict.model_validate(self.verdict)
        if run.dry_run:
            raise AirflowSkipException(f"Dry run: nothing is registered. The verdict was: {verdict.sentence}")
        return stages.register(
            run, Candidate.model_validate(self.candidate), Evaluation.model_validate(self.evaluation), verdict
        )
