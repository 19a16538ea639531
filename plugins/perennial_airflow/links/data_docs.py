"""From validate to its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink, conf

from perennial.run import reports_prefix

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from perennial_airflow.operators.retraining_operator import RetrainingOperator


class DataDocsLink(BaseOperatorLink):
    """The Great Expectations report, served by Airflow's API server from the store."""

    name = "Data Docs"

    def get_link(self, operator: RetrainingOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]
        """Return the report's address: made from model and run, since a failed validation leaves no XCom."""
        model = operator.spec.name
        base = (conf.get("api", "base_url", fallback="") or "").rstrip("/")
        return f"{base}/perennial/reports/{reports_prefix(model, ti_key.run_id)}data_docs.html"
