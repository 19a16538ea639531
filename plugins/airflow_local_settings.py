"""Imported by every Airflow process when it starts: preloads libraries in some of them, and measures workers."""

from __future__ import annotations

import sys

from airflow.configuration import conf

from perennial_airflow.startup import preload

__all__: list[str] = []  # Airflow overwrites its own settings with the names listed here

preload.import_all(preload.modules_for(sys.argv[1:], conf.get("core", "executor")))

if sys.platform == "linux" and sys.argv[1:3] == ["celery", "worker"]:
    from perennial_airflow.telemetry import worker_metrics

    worker_metrics.send_with_heartbeats()
    preload.freeze_in_pool()
