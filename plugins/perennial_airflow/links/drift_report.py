"""From govern to the check's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from perennial_airflow.pages import drift_report_page

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from perennial_airflow.operators.govern import GovernOperator


class DriftReportLink(BaseOperatorLink):
    """What the check measured and what was decided, served by Airflow's API server from the store."""

    name = "Drift report"

    def get_link(self, operator: GovernOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]  # noqa: ARG002
        """Return the report's address, or '' where nothing was decided."""
        if operator.outcome is None:
            return ""
        return drift_report_page(operator.spec.name, operator.outcome["sequence"])
