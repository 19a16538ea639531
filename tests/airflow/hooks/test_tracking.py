"""MLflow's server is the connection's, else the environment's; pages are given only where people can open them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perennial_airflow.hooks.tracking import TrackingHook
from perennial_airflow.run_arguments import RunArgumentError

pytestmark = pytest.mark.airflow


@pytest.fixture(autouse=True)
def _no_settings(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "PERENNIAL_MLFLOW_UI", "AIRFLOW_CONN_MLFLOW_DEFAULT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")


def test_without_settings_it_is_a_local_file() -> None:
    assert TrackingHook().connect() == "sqlite:///.perennial/mlflow.db"


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert TrackingHook().connect() == "http://mlflow:5000"


@pytest.mark.parametrize(
    ("connection", "uri"),
    [
        ("http://mlflow.example:5000", "http://mlflow.example:5000"),
        ("http://mlflow.example:5000/https", "https://mlflow.example:5000"),
        ("http://mlflow.example", "http://mlflow.example"),
        ('{"conn_type": "http", "host": "https://mlflow.example/ml"}', "https://mlflow.example/ml"),
    ],
)
def test_a_connection_comes_first(monkeypatch: pytest.MonkeyPatch, connection: str, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other:5000")
    monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", connection)

    assert TrackingHook().connect() == uri


def test_the_connections_login_goes_where_mlflow_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", "http://anna:s3cret@mlflow.example:5000")

    uri = TrackingHook().connect()

    assert uri == "http://mlflow.example:5000"
    assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == ("anna", "s3cret")


def test_a_connection_without_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", '{"conn_type": "http"}')
    with pytest.raises(RunArgumentError, match="'mlflow_default': it has no host"):
        TrackingHook().connect()


@pytest.mark.parametrize(
    ("tracking", "public", "page"),
    [
        ("http://mlflow:5000/", None, "http://mlflow:5000/#/models/m/versions/1"),
        ("http://mlflow:5000", "https://ml.example/flow/", "https://ml.example/flow/#/models/m/versions/1"),
        ("http://anna:s3cret@mlflow:5000", None, "http://mlflow:5000/#/models/m/versions/1"),
        ("sqlite:////srv/mlflow.db", None, ""),
        ("sqlite:////srv/mlflow.db", "http://127.0.0.1:5000", "http://127.0.0.1:5000/#/models/m/versions/1"),
    ],
)
def test_a_page_has_the_address_that_people_use(
    monkeypatch: pytest.MonkeyPatch, tracking: str, public: str | None, page: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    if public:
        monkeypatch.setenv("PERENNIAL_MLFLOW_UI", public)

    assert TrackingHook().page("models/m/versions/1") == page
