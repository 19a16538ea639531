from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo.errors import DemoError
from demo.home import DAGS, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "perennial")


def test_folder_and_ports_come_from_the_environment(tmp_path: Path) -> None:
    home = Home.from_environment({"PERENNIAL_HOME": str(tmp_path), "AIRFLOW_PORT": "18080", "MLFLOW_PORT": "15000"})
    assert home.root == tmp_path
    assert home.airflow_url == "http://127.0.0.1:18080"
    assert home.mlflow_url == "http://127.0.0.1:15000"


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    with pytest.raises(DemoError, match=f"AIRFLOW_PORT={port}"):
        Home.from_environment({"AIRFLOW_PORT": port})


def test_secrets_are_for_the_owner_alone(home: Home) -> None:
    home.make_again()
    assert home.folder.stat().st_mode & 0o777 == 0o700
    for secret in (home.passwords, home.airflow / "airflow.cfg"):
        assert secret.stat().st_mode & 0o777 == 0o600


def test_every_demo_has_a_password_of_its_own(home: Home) -> None:
    home.make_again()
    first = home.password()
    home.make_again()
    assert len(first) >= 16
    assert home.password() != first


def test_a_new_demo_removes_the_old_one_and_keeps_the_landing_files(home: Home) -> None:
    home.make_again()
    (home.folder / "store").mkdir()
    mine = home.data / "orders" / "mine.parquet"
    mine.parent.mkdir(parents=True)
    mine.touch()
    home.make_again()
    assert not (home.folder / "store").exists()
    assert mine.exists()


def test_a_folder_that_the_demo_did_not_make_is_left_alone(home: Home) -> None:
    home.folder.mkdir(parents=True)
    (home.folder / "thesis.txt").touch()
    with pytest.raises(DemoError, match="was not made by the demo"):
        home.make_again()
    assert (home.folder / "thesis.txt").exists()


def test_settings_of_another_airflow_do_not_reach_the_services(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://production")
    monkeypatch.setenv("PERENNIAL_STORE", "s3://production")
    environment = home.environment()
    assert "AIRFLOW__CORE__EXECUTOR" not in environment
    assert environment["AIRFLOW_HOME"] == str(home.airflow)
    assert environment["MLFLOW_TRACKING_URI"] == home.mlflow_url
    assert environment["PERENNIAL_STORE"] == str(home.folder / "store")


def test_airflow_listens_on_this_machine_only(home: Home) -> None:
    home.make_again()
    settings = home.airflow_settings()
    assert settings["api"]["host"] == "127.0.0.1"
    assert settings["core"]["execution_api_server_url"] == f"{home.airflow_url}/execution/"


def test_the_quiet_replay_s_dags_are_a_bundle_beside_those_of_the_repository(home: Home) -> None:
    home.make_again()
    bundles = json.loads(home.airflow_settings()["dag_processor"]["dag_bundle_config_list"])
    folders = {bundle["name"]: Path(bundle["kwargs"]["path"]) for bundle in bundles}
    assert folders == {"dags-folder": DAGS, "quiet-replay": home.quiet_dags}
    assert {path.name for path in home.quiet_dags.glob("*.py")} <= {path.name for path in DAGS.glob("*.py")}
