"""The link from govern to its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from perennial_airflow.pages import drift_report_page
from perennial_airflow.xcom import returned_by

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class DriftReportLink(BaseOperatorLink):
    """What the check measured and what was decided, served by Airflow's API server from the store."""

    name = "Drift report"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the report's address, or '' if nothing was decided."""
        entry = returned_by("govern", ti_key)
        return drift_report_page(operator.spec.name, entry["sequence"]) if entry else ""
