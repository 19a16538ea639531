"""Whether the service in this container is well: what its health check runs.

Imports no Airflow, which would take seconds. The first argument names the check, the second says of what:
`url http://127.0.0.1:8080/health`, `component triggerer`, `worker`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request

TIMEOUT_S = 8


def url_answers(url: str) -> bool:
    """Tell whether the URL answers with 200."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310
        return bool(answer.status == 200)


def component_is_healthy(name: str) -> bool:
    """Tell whether the component's heartbeat has reached the metadata database lately."""
    api = os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/")
    with urllib.request.urlopen(f"{api}/api/v2/monitor/health", timeout=TIMEOUT_S) as answer:  # noqa: S310
        return bool(json.load(answer)[name]["status"] == "healthy")


def worker_answers() -> bool:
    """Tell whether the worker of this container answers through the broker."""
    from celery import Celery

    app = Celery(broker=os.environ["AIRFLOW__CELERY__BROKER_URL"])
    return bool(app.control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=TIMEOUT_S, limit=1))


CHECKS = {"url": url_answers, "component": component_is_healthy, "worker": worker_answers}


def main(arguments: list[str]) -> int:
    """Run the check; 0 is well."""
    check, *details = arguments
    try:
        well = CHECKS[check](*details)
    except OSError as error:
        print(f"{check}: {error}")
        return 1
    print(f"{check}: {'well' if well else 'no answer'}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
