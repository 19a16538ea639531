"""The operator of promote: from a registered version to the champion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from perennial.promotion.records import Verdict


class PromoteOperator(StageOperator):
    """Move the alias `champion`, add an event to each asset among the outlets, and send metrics.

    Skipped in a dry run, and if the candidate is not promoted; the log has the verdict's sentence.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Call the stage, return the promotion as JSON, and put the new champion into the asset events."""
        promotion = super().execute(context)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {
                **promotion,
                "run_id": context["dag_run"].run_id,
                "reason": self.reason,
                "verdict": self.verdict.sentence,
            }
        self.count(context)
        return promotion

    def count(self, context: Context) -> None:
        """Send the new champion's metrics."""
        from perennial_airflow.evidence import evidence_of
        from perennial_airflow.telemetry.metrics import count_promotion

        count_promotion(self.spec, self.verdict, evidence_of(context["dag_run"].conf))

    @property
    def verdict(self) -> Verdict:
        """The verdict, with a person's answer if somebody was asked."""
        from perennial.promotion.records import Verdict

        return Verdict.model_validate(self.takes["answered"] or self.takes["verdict"])
