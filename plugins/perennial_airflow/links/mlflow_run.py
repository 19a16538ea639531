"""From train and evaluate to MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from perennial_airflow.hooks.tracking import TrackingHook

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from perennial_airflow.operators.retraining_operator import RetrainingOperator


class MlflowRunLink(BaseOperatorLink):
    """The candidate's run: parameters, metrics, plots, model."""

    name = "MLflow run"

    def get_link(self, operator: RetrainingOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]  # noqa: ARG002
        """Return the run's page, or '' where there is no run, or MLflow is no server."""
        candidate = getattr(operator, "candidate", None) or operator.outcome  # evaluate was given it, train made it
        if not isinstance(candidate, dict):
            return ""
        return TrackingHook(operator.spec.region).page(
            f"experiments/{candidate['experiment_id']}/runs/{candidate['mlflow_run_id']}"
        )
