"""Registers with Airflow what Perennial adds to its API server."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin


class PerennialPlugin(AirflowPlugin):
    """The reports at `/perennial`. Operators, hooks and links need no registration: they are imported."""

    name = "perennial"

    # Every Airflow process loads plugins, each task too; FastAPI and Airflow's security module are for the API server.
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The FastAPI apps to mount, as Airflow wants them."""
        from perennial_airflow.api.reports import app

        return [{"name": "Perennial reports", "app": app, "url_prefix": "/perennial"}]
