"""The image's health check. It does not import Airflow, which would take seconds.

What is checked depends on the command that the container runs, by `/proc/1`. `healthcheck.py URL` checks that address
instead.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

TIMEOUT_S = 8
COMMAND = Path("/proc/1/cmdline")


def url_answers(url: str) -> bool:
    """Tell whether the URL answers with 200."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310
        return bool(answer.status == 200)


def component_is_healthy(name: str) -> bool:
    """Tell whether the component's heartbeat has reached the metadata database recently."""
    api = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/")
    with urllib.request.urlopen(f"{api}/api/v2/monitor/health", timeout=TIMEOUT_S) as answer:  # noqa: S310
        return bool(json.load(answer)[name]["status"] == "healthy")


def worker_answers() -> bool:
    """Tell whether the worker of this container answers through the broker."""
    from celery import Celery

    app = Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"])
    return bool(app.control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=TIMEOUT_S, limit=1))


# Service by a word of the command.
CHECKS: dict[str, Callable[[], bool]] = {
    "api-server": partial(url_answers, "http://127.0.0.1:8080/api/v2/version"),
    "scheduler": partial(url_answers, "http://127.0.0.1:8974/health"),
    "dag-processor": partial(component_is_healthy, "dag_processor"),
    "triggerer": partial(component_is_healthy, "triggerer"),
    "worker": worker_answers,
    "mlflow": partial(url_answers, "http://127.0.0.1:5000/health"),
}


def service_of(command: bytes) -> str | None:
    """Return which of the services a command line, as the kernel has it, runs; None: none that keeps running."""
    words = command.decode(errors="replace").replace("\0", " ").split()
    return next((word for word in words if word in CHECKS), None)


def main(arguments: list[str]) -> int:
    """Run the check; return 0 if the service is healthy."""
    name = arguments[0] if arguments else service_of(COMMAND.read_bytes())
    if name is None:
        print("nothing to check: no service runs here")
        return 0
    try:
        well = url_answers(name) if arguments else CHECKS[name]()
    except OSError as error:
        print(f"{name}: {error}")
        return 1
    print(f"{name}: {'well' if well else 'no answer'}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
