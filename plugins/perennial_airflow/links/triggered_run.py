"""The link from trigger_retraining to the run that it triggered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from perennial_airflow.dag_ids import retraining_dag
from perennial_airflow.pages import run_page
from perennial_airflow.xcom import returned_by

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class TriggeredRunLink(BaseOperatorLink):
    """The retraining in Airflow."""

    name = "Retraining"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the run's page, or '' if nothing was to be triggered."""
        entry = returned_by("govern", ti_key)
        run_id = entry["decision"]["run_id"] if entry else None
        return run_page(retraining_dag(entry["model"]), run_id) if run_id else ""
