from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from demo import services
from demo.errors import DemoError
from demo.home import Home
from demo.processes import Service, stop


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(("variable", "service"), [("AIRFLOW_PORT", "Airflow"), ("MLFLOW_PORT", "MLflow")])
def test_a_port_in_use_is_named_with_its_variable(tmp_path: Path, variable: str, service: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        ports = {"AIRFLOW_PORT": str(_free_port()), "MLFLOW_PORT": str(_free_port())} | {variable: str(taken)}
        home = Home.from_environment(ports | {"PERENNIAL_HOME": str(tmp_path)})
        with pytest.raises(DemoError, match=rf"port {taken} .*{service}, is in use: .* make demo {variable}="):
            services.check_ports(home)


def test_one_port_for_both_is_refused(tmp_path: Path) -> None:
    port = _free_port()
    with pytest.raises(DemoError, match="choose two"):
        services.check_ports(Home(tmp_path, port, port))


def test_free_ports_pass(tmp_path: Path) -> None:
    services.check_ports(Home(tmp_path, _free_port(), _free_port()))


def test_a_service_that_ends_while_starting_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make_again()
    failing = Service.start(
        "scheduler",
        [sys.executable, "-c", "raise SystemExit('no such table: job')"],
        environment=dict(os.environ),
        log=home.logs / "scheduler.log",
        folder=home.pids,
    )
    try:
        with pytest.raises(DemoError, match="scheduler ended while starting:\nno such table: job"):
            services.wait_until(lambda: False, [failing], home, what="Airflow")
    finally:
        stop([failing])
