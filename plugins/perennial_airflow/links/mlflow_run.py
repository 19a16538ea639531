"""The link from train and evaluate to MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from perennial.stages import maker
from perennial_airflow.hooks.tracking import TrackingHook
from perennial_airflow.xcom import returned_by

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class MlflowRunLink(BaseOperatorLink):
    """The candidate's run: parameters, metrics, plots, model."""

    name = "MLflow run"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the run's page, or '' if there is no run, or MLflow is not a server."""
        candidate = returned_by(maker("candidate").name, ti_key)
        if candidate is None:
            return ""
        return TrackingHook(operator.spec.region).page(
            f"experiments/{candidate['experiment_id']}/runs/{candidate['mlflow_run_id']}"
        )
