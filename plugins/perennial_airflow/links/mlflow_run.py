"""From train and evaluate to MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink
from airflow.sdk.execution_time.xcom import XCom

from perennial_airflow.hooks.tracking import TrackingHook

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class MlflowRunLink(BaseOperatorLink):
    """The candidate's run: parameters, metrics, plots, model."""

    name = "MLflow run"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the run's page, or '' where there is no run, or MLflow is no server."""
        candidate = getattr(operator, "candidate", None)  # evaluate was given it; train has returned it
        candidate = candidate or XCom.get_value(ti_key=ti_key, key=XCom.XCOM_RETURN_KEY)
        if not candidate:
            return ""
        return TrackingHook().page(f"experiments/{candidate['experiment_id']}/runs/{candidate['mlflow_run_id']}")
