"""MLflow's server, from Airflow's connections or the environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from perennial.places import TrackingServer, tracking_server, variable
from perennial_airflow.hooks.regional import connection_id
from perennial_airflow.run_arguments import RunArgumentError

if TYPE_CHECKING:
    from airflow.sdk import Connection


class TrackingHook(BaseHook):
    """Names the tracking server: of the region, if there is one and it has one of its own, else everybody's.

    Each is named by a connection (`mlflow_<region>`, `mlflow_default`), else by the environment
    (MLFLOW_TRACKING_URI_<REGION>, MLFLOW_TRACKING_URI), else everybody's is a local SQLite file.

    Parameters
    ----------
    region : str or None
        The spec's.
    """

    def __init__(self, region: str | None = None) -> None:
        super().__init__()
        self.region = region

    def connect(self) -> TrackingServer:
        """Return the server; its URI holds the connection's login.

        Not the environment: MLflow takes a login from there too, but a process that waits for rows of several regions
        has one environment, and would show one region's password to another region's server.
        """
        return tracking_server(self.region, connection=self._address_for)

    def page(self, path: str) -> str:
        """Return the address of a page of MLflow's web interface, or '' where it has none that we know.

        Parameters
        ----------
        path : str
            Such as `models/flight_delay/versions/3`. PERENNIAL_MLFLOW_UI (of a region's own server
            PERENNIAL_MLFLOW_UI_<REGION>) goes before it, for where people reach MLflow under another address than
            tasks do.
        """
        server = self.connect()
        ui = variable("PERENNIAL_MLFLOW_UI", self.region if server.takes_rows else None)
        parts = urlsplit(os.environ.get(ui) or server.uri)
        if parts.scheme not in ("http", "https"):
            return ""
        without_login = parts.netloc.rpartition("@")[2]
        return f"{urlunsplit((parts.scheme, without_login, parts.path.rstrip('/'), '', ''))}/#/{path}"

    def _address_for(self, region: str | None) -> str | None:
        try:
            return _address(self.get_connection(connection_id("mlflow", region)))
        except AirflowNotFoundException:
            return None


def _address(connection: Connection) -> str:
    host = connection.host
    if not host:
        raise RunArgumentError(
            f"connection {connection.conn_id!r}: it has no host; give MLflow's, such as mlflow.example"
        )
    scheme, _, place = host.rpartition("://")
    login = ""
    if connection.login:
        login = f"{quote(connection.login, safe='')}:{quote(connection.password or '', safe='')}@"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme or connection.schema or 'http'}://{login}{place}{port}"
