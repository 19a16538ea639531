"""MLflow's server, from Airflow's connections or the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from perennial_airflow.run_arguments import RunArgumentError

if TYPE_CHECKING:
    from airflow.sdk import Connection


class TrackingHook(BaseHook):
    """Names the tracking server: the connection `mlflow_default`, else MLFLOW_TRACKING_URI, else a local SQLite file."""

    conn_name_attr = "conn_id"
    default_conn_name = "mlflow_default"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.conn_id = conn_id

    def connect(self) -> str:
        """Return the tracking URI, and give this process the connection's login, which MLflow takes from there only."""
        connection = self._connection()
        if connection is None:
            return os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///.perennial/mlflow.db")
        if connection.login:
            os.environ["MLFLOW_TRACKING_USERNAME"] = connection.login
        if connection.password:
            os.environ["MLFLOW_TRACKING_PASSWORD"] = connection.password
        return _address(connection)

    def page(self, path: str) -> str:
        """Return the address of a page of MLflow's web interface, or '' where it has none that we know.

        Parameters
        ----------
        path : str
            Such as `models/flight_delay/versions/3`. PERENNIAL_MLFLOW_UI goes before it, for where people
            reach MLflow under another address than tasks do.
        """
        base = os.environ.get("PERENNIAL_MLFLOW_UI") or self.connect()
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https"):
            return ""
        without_login = parts.netloc.rpartition("@")[2]
        return f"{urlunsplit((parts.scheme, without_login, parts.path.rstrip('/'), '', ''))}/#/{path}"

    def _connection(self) -> Connection | None:
        try:
            return self.get_connection(self.conn_id)
        except AirflowNotFoundException:
            return None


def _address(connection: Connection) -> str:
    host = connection.host
    if not host:
        raise RunArgumentError(
            f"connection {connection.conn_id!r}: it has no host; give MLflow's, such as mlflow.example"
        )
    if "://" not in host:
        host = f"{connection.schema or 'http'}://{host}"
    return f"{host}:{connection.port}" if connection.port else host
