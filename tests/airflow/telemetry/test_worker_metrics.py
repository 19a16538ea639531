"""A Celery worker tells what it takes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.integration, pytest.mark.usefixtures("airflow_home")]

WORKER = """
from celery import Celery
from perennial_airflow.telemetry import worker_metrics

worker_metrics.SECONDS_BETWEEN = 1.0
worker_metrics.send_with_heartbeats()
app = Celery(broker="memory://")
app.worker_main(["worker", "--pool=solo", "--hostname=eu@machine", "--loglevel=ERROR"])
"""


def test_its_cores_and_memory_come_with_its_heartbeats_under_its_own_name() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(60)
        environment = os.environ | {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(listener.getsockname()[1]),
            "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True",
        }
        worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
        sent: dict[str, str] = {}
        try:
            while len(sent) < 2:
                name, _, value = listener.recv(1000).decode().partition(":")
                if name.startswith("airflow.perennial."):
                    sent[name] = value
        finally:
            worker.terminate()
            worker.wait(20)

    assert set(sent) == {
        "airflow.perennial.worker.cpu_cores,worker=eu/machine",
        "airflow.perennial.worker.memory_bytes,worker=eu/machine",
    }
    assert 10e6 < float(sent["airflow.perennial.worker.memory_bytes,worker=eu/machine"].removesuffix("|g")) < 10e9
