"""Registers Perennial's reports and its listener with Airflow."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from perennial_airflow.telemetry import run_listener


class PerennialPlugin(AirflowPlugin):
    """The reports at `/perennial`, and the listener. Operators, hooks and links need no registration."""

    name = "perennial"
    listeners = [run_listener]

    # Every Airflow process loads plugins, including each task, but only the API server needs FastAPI.
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The FastAPI apps to mount, in the form of Airflow's plugins."""
        from perennial_airflow.api.reports import app

        return [{"name": "Perennial reports", "app": app, "url_prefix": "/perennial"}]
