"""Tells an event in a process of its own, with everything that it and its libraries log.

Arguments: the store's folder, the spec's `alerts` as JSON, the event as JSON.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from perennial.spec.alerts import Alerts
from perennial.store import LocalStore
from perennial_airflow.alerts.events import Event
from perennial_airflow.alerts.sending import tell

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    folder, alerts, event = sys.argv[1:]
    told = Event.model_validate_json(event)
    tell(LocalStore(Path(folder)), told.model, Alerts.model_validate_json(alerts), [told])
