"""The link from register and promote to the model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from perennial.stages import maker
from perennial_airflow.pages import version_page
from perennial_airflow.xcom import returned_by

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class ModelVersionLink(BaseOperatorLink):
    """The registered version, with its tags and aliases."""

    name = "Model version"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the version's page, or '' if nothing was registered, or MLflow is not a server."""
        registered = returned_by(maker("registered").name, ti_key)
        return version_page(registered["name"], registered["version"], operator.spec.region) if registered else ""
