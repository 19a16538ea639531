"""From trigger_retraining to the run that it triggered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from perennial_airflow.dag_ids import retraining_dag
from perennial_airflow.pages import run_page

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from perennial_airflow.operators.trigger_retraining import TriggerRetrainingOperator


class TriggeredRunLink(BaseOperatorLink):
    """The retraining in Airflow."""

    name = "Retraining"

    def get_link(self, operator: TriggerRetrainingOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]  # noqa: ARG002
        """Return the run's page, or '' where nothing was to be triggered."""
        run_id = operator.entry["decision"]["run_id"] if isinstance(operator.entry, dict) else None
        if not run_id:
            return ""
        return run_page(retraining_dag(operator.entry["model"]), run_id)
