"""Read by every Airflow process as it starts: a few load the machine-learning libraries here, workers begin to measure."""

from __future__ import annotations

import sys

from airflow.configuration import conf

from perennial_airflow.startup import preload

__all__: list[str] = []  # Airflow copies the names in here over its own settings

preload.import_all(preload.modules_for(sys.argv[1:], conf.get("core", "executor")))

if sys.platform == "linux" and sys.argv[1:3] == ["celery", "worker"]:
    from perennial_airflow.telemetry import worker_metrics

    worker_metrics.send_with_heartbeats()
    preload.freeze_in_pool()
