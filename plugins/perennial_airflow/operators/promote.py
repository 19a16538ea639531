"""Version -> champion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial_airflow.operators.stage import StageOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class PromoteOperator(StageOperator):
    """Move the alias `champion`, say so in an event of each asset among the outlets, and count it.

    Skipped, with the verdict's sentence, where the candidate was rejected; skipped in a dry run.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Call the stage, return the promotion as JSON, and tell those who schedule on the champion what it is now."""
        promotion = super().execute(context)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {
                **promotion,
                "run_id": context["dag_run"].run_id,
                "reason": self.reason,
                "verdict": self.takes["verdict"]["sentence"],
            }
        self.count(context)
        return promotion

    def count(self, context: Context) -> None:
        """Send the new champion's metrics."""
        from perennial.promotion.records import Verdict
        from perennial_airflow.evidence import evidence_of
        from perennial_airflow.telemetry.metrics import count_promotion

        verdict = Verdict.model_validate(self.takes["verdict"])
        count_promotion(self.spec, verdict, evidence_of(context["dag_run"].conf))
