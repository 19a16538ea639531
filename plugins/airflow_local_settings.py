"""Read by every Airflow process as it starts; only those that fork tasks load the machine-learning libraries here."""

from __future__ import annotations

import sys

from airflow.configuration import conf

from perennial_airflow import preload

__all__: list[str] = []  # Airflow copies the names in here over its own settings

if preload.forks_tasks(sys.argv[1:], conf.get("core", "executor")):
    preload.import_stages()
