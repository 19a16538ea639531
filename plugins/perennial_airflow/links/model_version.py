"""From register and promote to the model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from perennial_airflow.pages import version_page

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from perennial_airflow.operators.retraining_operator import RetrainingOperator


class ModelVersionLink(BaseOperatorLink):
    """The registered version, with its tags and aliases."""

    name = "Model version"

    def get_link(self, operator: RetrainingOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]  # noqa: ARG002
        """Return the version's page, or '' where nothing was registered, or MLflow is not a server."""
        registered = getattr(operator, "registered", None) or operator.outcome  # promote was given it, register made it
        if not isinstance(registered, dict):
            return ""
        return version_page(registered["name"], registered["version"], operator.spec.region)
