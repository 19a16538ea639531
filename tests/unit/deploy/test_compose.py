"""What the compose file promises, read from the file: no engine is needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
TEXT = (REPOSITORY / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUN_ONCE = {"s3-init", "airflow-init", "demo", "tools"}
LASTING = sorted(SERVICES.keys() - RUN_ONCE)
REQUIRED = set(re.findall(r"\$\{(\w+):\?", TEXT))
OPTIONAL = set(re.findall(r"\$\{(\w+):-", TEXT))
SIX_GIGABYTES = 6 * 1024


def mebibytes(limit: str) -> int:
    """A compose memory limit, or its default where `.env` may name another."""
    found = re.fullmatch(r"(?:\$\{\w+:-)?(\d+)m\}?", limit)
    assert found, limit
    return int(found[1])


def test_the_stack_has_the_services_it_should() -> None:
    assert set(LASTING) == {
        "postgres", "redis", "s3", "mlflow", "api-server", "scheduler", "dag-processor", "triggerer", "worker",
        "statsd-exporter", "prometheus", "grafana",
    }  # fmt: skip


def test_ports_are_open_on_this_machine_only_and_for_people_only() -> None:
    published = {name: port for name, service in SERVICES.items() for port in service.get("ports", ())}
    assert published.keys() == {"api-server", "mlflow", "grafana"}
    assert all(port.startswith("127.0.0.1:${") for port in published.values()), published


@pytest.mark.parametrize("name", ["postgres", "redis", "s3"])
def test_what_keeps_data_is_reached_from_inside_only(name: str) -> None:
    assert SERVICES[name]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_whoever_speaks_to_s3_or_keeps_the_store_can_reach_one_that_is_elsewhere() -> None:
    speaks = {
        name
        for name, service in SERVICES.items()
        if {"S3_ENDPOINT_URL", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL"} & service.get("environment", {}).keys()
    }
    assert speaks == {"s3-init", "mlflow", "demo", "tools"}
    for name in speaks | {"airflow-init", "api-server", "dag-processor", "triggerer", "worker"}:
        assert SERVICES[name]["networks"] == ["inside", "outside"], name


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_has_a_version(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert re.fullmatch(r"v?\d+(\.\d+)+", tag), SERVICES[name]["image"]


def test_the_image_is_built_once_and_has_the_packages_version() -> None:
    ours = {name for name, service in SERVICES.items() if service["image"].startswith("perennial:")}
    assert [name for name in ours if "build" in SERVICES[name]] == ["s3-init"]
    assert {SERVICES[name]["image"] for name in ours} == {"perennial:0.1.0"}
    version = re.search(r'__version__ = "(.+)"', (REPOSITORY / "include/perennial/__init__.py").read_text())
    assert version
    assert SERVICES["s3-init"]["build"]["args"]["VERSION"] == version[1] == "0.1.0"


@pytest.mark.parametrize("name", LASTING)
def test_a_service_is_watched_restarted_and_bounded(name: str) -> None:
    service = SERVICES[name]
    # Our own image brings its check.
    assert ("test" in service["healthcheck"]) is not service["image"].startswith("perennial:")
    assert service["restart"] == "unless-stopped"
    assert mebibytes(service["mem_limit"]) >= 64


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is (name != "s3")
    becomes_its_user = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    # Redis's image gives up its bounding set by setpriv, which is refused to those without SETPCAP.
    needed = {"postgres": becomes_its_user, "s3": becomes_its_user, "redis": becomes_its_user | {"SETPCAP"}}
    assert set(service.get("cap_add", ())) == needed.get(name, set())


def test_the_stack_fits_six_gigabytes() -> None:
    assert sum(mebibytes(SERVICES[name]["mem_limit"]) for name in LASTING) <= SIX_GIGABYTES


def test_only_init_migrates_and_all_airflow_waits_for_it() -> None:
    airflow = {name for name, service in SERVICES.items() if service.get("command", [""])[0] == "airflow"}
    assert airflow == {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}
    for name in airflow:
        assert SERVICES[name]["depends_on"]["airflow-init"] == {"condition": "service_completed_successfully"}
    assert "migrate" not in TEXT


def test_workers_hold_neither_the_metadata_database_nor_what_signs_tokens() -> None:
    withheld = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"}
    assert not withheld & SERVICES["worker"]["environment"].keys()
    assert withheld <= SERVICES["scheduler"]["environment"].keys()


def test_no_secret_has_a_default_and_each_says_what_to_do() -> None:
    secret = re.compile(r"PASSWORD|SECRET(?!S__BACKEND)|_KEY$")
    assert not [name for name in OPTIONAL if secret.search(name)]
    messages = set(re.findall(r"\$\{\w+:\?([^}]*)\}", TEXT))
    assert messages == {"run make env to write .env"}


def _compose_is_here() -> bool:
    # What docker says where the plugin is missing differs between its versions; that it fails does not.
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _compose_is_here(), reason="docker or its compose plugin is not here")
@pytest.mark.parametrize("written", [None, "AIRFLOW_PORT=8080\n"])
def test_compose_itself_names_what_env_lacks(tmp_path: Path, written: str | None) -> None:
    shutil.copy(REPOSITORY / "docker-compose.yaml", tmp_path)
    if written:
        (tmp_path / ".env").write_text(written)
    bare = {name: value for name, value in os.environ.items() if name not in REQUIRED | OPTIONAL}
    done = subprocess.run(
        ["docker", "compose", "config", "--quiet"], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert re.search(r"variable \"?\w+\"? is missing a value: run make env to write .env", done.stderr), done.stderr


def test_a_variable_without_a_default_is_required_somewhere() -> None:
    bare = set(re.findall(r"\$\{(\w+)\}", TEXT))
    assert bare <= REQUIRED
