"""Registers with Airflow what Perennial adds to its API server, and who counts how runs end."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from perennial_airflow.telemetry import run_listener


class PerennialPlugin(AirflowPlugin):
    """The reports at `/perennial`, and the listener. Operators, hooks and links are imported: they need no registration."""

    name = "perennial"
    listeners = [run_listener]

    # Every Airflow process loads plugins, each task too; FastAPI and Airflow's security module are for the API server.
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The FastAPI apps to mount, as Airflow wants them."""
        from perennial_airflow.api.reports import app

        return [{"name": "Perennial reports", "app": app, "url_prefix": "/perennial"}]
