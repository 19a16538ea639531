"""Airflow finds the plugin, and leaves the package beside it alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow


def test_the_loader_runs_the_plugin_and_nothing_else_and_loads_no_web_framework(airflow_home: Path) -> None:
    code = """
import sys
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
print("ours:", [plugin.name for plugin in plugins if plugin.name == "perennial"], errors)
print("strays:", [name for name in ("ingest", "store", "tracking", "reports", "preload") if name in sys.modules])
print("web:", "airflow.api_fastapi.core_api.security" in sys.modules)
apps, _ = plugins_manager.get_fastapi_plugins()
print("apps:", [app["url_prefix"] for app in apps if app["name"] == "Perennial reports"])
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ, timeout=120
    )

    assert "ours: ['perennial'] {}" in loaded.stdout
    assert "strays: []" in loaded.stdout
    assert "web: False" in loaded.stdout
    assert "apps: ['/perennial']" in loaded.stdout
