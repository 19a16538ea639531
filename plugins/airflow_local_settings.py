"""Read by every Airflow process as it starts; a few of them load the machine-learning libraries here."""

from __future__ import annotations

import sys

from airflow.configuration import conf

from perennial_airflow import preload

__all__: list[str] = []  # Airflow copies the names in here over its own settings

preload.import_all(preload.modules_for(sys.argv[1:], conf.get("core", "executor")))
