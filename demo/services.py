"""Start MLflow and Airflow, and wait until they answer."""

from __future__ import annotations

import errno
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from demo.errors import DemoError
from demo.health import airflow_is_healthy, mlflow_answers
from demo.home import Home
from demo.processes import Service, program, recorded, stop

START_TIMEOUT_S = 240
TAIL_LINES = 25


def running(home: Home) -> list[Service]:
    """Return the services of this home that an earlier command left running."""
    return recorded(home.pids)


def stop_all(home: Home) -> list[Service]:
    """Stop what was left running and return it."""
    found = running(home)
    stop(found)
    return found


def check_ports(home: Home) -> None:
    """Raise DemoError if a port is in use, before anything is started."""
    for service, variable, port in (
        ("Airflow", "AIRFLOW_PORT", home.airflow_port),
        ("MLflow", "MLFLOW_PORT", home.mlflow_port),
    ):
        with socket.socket() as probe:
            # A port whose old connections are in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                why = "is in use" if error.errno == errno.EADDRINUSE else "needs rights that you do not have"
                raise DemoError(
                    f"port {port} of 127.0.0.1, for {service}, {why}: choose another, make demo {variable}={port + 1}"
                ) from None
    if home.airflow_port == home.mlflow_port:
        raise DemoError(f"AIRFLOW_PORT and MLFLOW_PORT are both {home.airflow_port}: choose two")


def start_all(home: Home) -> None:
    """Start everything and return when it answers; raise DemoError with the last lines of a log if something does not.

    Starts the four components of `airflow standalone`, without its two log servers, which would listen on all network
    interfaces and on fixed ports.
    """
    services = [_start(home, "mlflow", "mlflow", *_mlflow_arguments(home))]
    _migrate(home)
    services += [
        _start(home, "api-server", "airflow", "api-server"),
        _start(home, "scheduler", "airflow", "scheduler", "--skip-serve-logs"),
        _start(home, "dag-processor", "airflow", "dag-processor"),
        _start(home, "triggerer", "airflow", "triggerer", "--skip-serve-logs"),
    ]
    wait_until(lambda: mlflow_answers(home.mlflow_url), services, home, what="MLflow")
    wait_until(lambda: airflow_is_healthy(home.airflow_url), services, home, what="Airflow")


def wait_until(ready: Callable[[], bool], services: list[Service], home: Home, *, what: str) -> None:
    """Wait for `ready`; raise DemoError if a service ends meanwhile or time runs out."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        for service in services:
            if not service.is_alive():
                raise DemoError(f"{service.name} ended while starting:\n{_tail(_log(home, service.name))}")
        if time.monotonic() > deadline:
            tails = "\n".join(f"--- {s.name}\n{_tail(_log(home, s.name))}" for s in services)
            raise DemoError(f"{what} is not ready after {START_TIMEOUT_S} seconds:\n{tails}")
        time.sleep(0.3)


def _start(home: Home, name: str, command: str, *arguments: str) -> Service:
    return Service.start(
        name, [program(command), *arguments], environment=home.environment(), log=_log(home, name), folder=home.pids
    )


def _mlflow_arguments(home: Home) -> list[str]:
    return [
        "server",
        "--host=127.0.0.1",
        f"--port={home.mlflow_port}",
        f"--backend-store-uri=sqlite:///{home.folder / 'mlflow.db'}",
        f"--artifacts-destination={home.folder / 'mlruns'}",
        "--workers=1",
    ]


def _migrate(home: Home) -> None:
    with _log(home, "database").open("wb") as log:
        done = subprocess.run(
            [program("airflow"), "db", "migrate"],
            env=home.environment(),
            cwd=home.logs,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise DemoError(f"Airflow's database could not be made:\n{_tail(_log(home, 'database'))}")


def _log(home: Home, name: str) -> Path:
    return home.logs / f"{name}.log"


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join([*lines[-TAIL_LINES:], f"(the whole log: {log})"])
