"""From register and promote to the model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink
from airflow.sdk.execution_time.xcom import XCom

from perennial_airflow.hooks.tracking import TrackingHook

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ModelVersionLink(BaseOperatorLink):
    """The registered version, with its tags and aliases."""

    name = "Model version"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the version's page, or '' where nothing was registered, or MLflow is no server."""
        registered = getattr(operator, "registered", None)  # promote was given it; register has returned it
        registered = registered or XCom.get_value(ti_key=ti_key, key=XCom.XCOM_RETURN_KEY)
        if not registered:
            return ""
        return TrackingHook().page(f"models/{quote(registered['name'], safe='')}/versions/{registered['version']}")
