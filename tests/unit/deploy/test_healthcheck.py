from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml

from tests.http_server import serving
from tests.unit.deploy.script import load_script

REPOSITORY = Path(__file__).resolve().parents[3]
SERVICES = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("perennial")}
LASTING = ("mlflow", "api-server", "scheduler", "dag-processor", "triggerer", "worker")
healthcheck = load_script(REPOSITORY / "docker" / "healthcheck.py")


class Broken(BaseHTTPRequestHandler):
    """A server that is there and not well."""

    def do_GET(self) -> None:
        self.send_error(503)

    def log_message(self, *_: object) -> None:
        pass


class Well(Broken):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


@pytest.mark.parametrize("name", sorted(OURS))
@pytest.mark.parametrize("init", [b"/sbin/docker-init\0--\0", b""])
def test_what_is_looked_at_follows_from_the_command(name: str, init: bytes) -> None:
    words = [*OURS[name].get("entrypoint", ()), *OURS[name].get("command", ("python", "-m", "demo", "stack"))]
    command = init + b"\0".join(word.encode() for word in words) + b"\0"
    assert healthcheck.service_of(command) == (name if name in LASTING else None)


def test_a_program_that_ends_by_itself_is_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = tmp_path / "cmdline"
    command.write_bytes(b"python\0/opt/perennial/docker/airflow_init.py\0")
    monkeypatch.setattr(healthcheck, "COMMAND", command)
    assert healthcheck.main([]) == 0


@pytest.mark.parametrize(("server", "code"), [(Well, 0), (Broken, 1)])
def test_an_address_is_well_when_it_answers_with_200(server: type[BaseHTTPRequestHandler], code: int) -> None:
    with serving(server) as address:
        assert healthcheck.main([address]) == code


def test_a_server_that_is_gone_is_not_well() -> None:
    with serving(Well) as address:
        pass
    assert healthcheck.main([address]) == 1
