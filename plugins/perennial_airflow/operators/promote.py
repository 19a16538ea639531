"""Version -> champion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from perennial_airflow.links.model_version import ModelVersionLink
from perennial_airflow.operators.retraining_operator import RetrainingOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.promotion.records import Promotion
    from perennial.run import RetrainingRun


class PromoteOperator(RetrainingOperator):
    """Move the alias `champion`, and say so in an event of each asset among the outlets.

    Skipped, with the verdict's sentence, where the candidate was rejected; skipped in a dry run.

    Parameters
    ----------
    registered, verdict : dict
        Outcomes of register (None: it was skipped) and decide.
    **kwargs
        See RetrainingOperator.
    """

    template_fields: ClassVar[tuple[str, ...]] = (*RetrainingOperator.template_fields, "registered", "verdict")
    operator_extra_links = (ModelVersionLink(),)

    def __init__(self, *, registered: dict[str, Any] | None, verdict: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.registered = registered
        self.verdict = verdict

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the stage, return its outcome as JSON, and tell those who schedule on the champion what it is now."""
        promotion = super().execute(context)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {
                **promotion,
                "run_id": context["dag_run"].run_id,
                "reason": self.reason,
                "verdict": self.verdict["sentence"],
            }
        self.count(context)
        return promotion

    def count(self, context: Context) -> None:
        """Send the new champion's metrics."""
        from perennial.promotion.records import Verdict
        from perennial_airflow.telemetry.metrics import count_promotion

        count_promotion(self.spec, Verdict.model_validate(self.verdict), context["params"].get("evidence"))

    def run_stage(self, run: RetrainingRun) -> Promotion:
        """Call `perennial.stages.promote` where the verdict says so."""
        from airflow.sdk.exceptions import AirflowSkipException

        from perennial import stages
        from perennial.promotion.records import RegisteredVersion, Verdict

        verdict = Verdict.model_validate(self.verdict)
        if run.dry_run:
            raise AirflowSkipException(f"Dry run: nothing is promoted. The verdict was: {verdict.sentence}")
        if self.registered is None:
            raise AirflowSkipException("Nothing was registered, so there is nothing to promote")
        if verdict.outcome == "reject":
            raise AirflowSkipException(verdict.sentence)
        return stages.promote(run, RegisteredVersion.model_validate(self.registered), verdict)
