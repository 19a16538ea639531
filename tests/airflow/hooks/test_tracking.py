"""MLflow's server is the connection's, else the environment's; pages are given only where people can open them."""

from __future__ import annotations

from pathlib import Path

import pytest

from perennial_airflow.hooks.tracking import TrackingHook
from perennial_airflow.run_arguments import RunArgumentError

pytestmark = pytest.mark.airflow


@pytest.fixture(autouse=True)
def _no_settings(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "PERENNIAL_MLFLOW_UI", "AIRFLOW_CONN_MLFLOW_DEFAULT"):
        monkeypatch.delenv(name, raising=False)


def test_without_settings_it_is_a_local_file() -> None:
    assert TrackingHook().connect().uri == "sqlite:///.perennial/mlflow.db"


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert TrackingHook().connect().uri == "http://mlflow:5000"


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

    assert TrackingHook().connect().uri == uri


def test_the_connections_login_goes_into_the_address_and_into_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_MLFLOW_DEFAULT",
        '{"conn_type": "http", "host": "https://mlflow.example/ml", "login": "anna", "password": "s3cr/t@"}',
    )

    server = TrackingHook().connect()

    assert server.uri == "https://anna:s3cr%2Ft%40@mlflow.example/ml"
    assert "s3cr" not in repr(server)
    assert TrackingHook().page("models/m") == "https://mlflow.example/ml/#/models/m"


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


def test_a_region_has_its_connection_then_its_variable_and_else_a_server_that_may_see_no_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_DEFAULT", "http://everybody:5000")
    servers = [TrackingHook("eu-west-1").connect()]
    monkeypatch.setenv("MLFLOW_TRACKING_URI_EU_WEST_1", "http://variable:5000")
    servers.append(TrackingHook("eu-west-1").connect())
    monkeypatch.setenv("AIRFLOW_CONN_MLFLOW_EU_WEST_1", "http://connection:5000")
    servers.append(TrackingHook("eu-west-1").connect())

    assert [(server.uri, server.takes_rows) for server in servers] == [
        ("http://everybody:5000", False),
        ("http://variable:5000", True),
        ("http://connection:5000", True),
    ]
    assert TrackingHook().connect().takes_rows


def test_a_regions_own_server_has_a_page_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_MLFLOW_UI", "https://ml.example")
    monkeypatch.setenv("PERENNIAL_MLFLOW_UI_EU", "https://ml.eu.example")
    without_own = TrackingHook("eu").page("models/m")
    monkeypatch.setenv("MLFLOW_TRACKING_URI_EU", "http://mlflow-eu:5000")

    assert (without_own, TrackingHook("eu").page("models/m")) == (
        "https://ml.example/#/models/m",
        "https://ml.eu.example/#/models/m",
    )
