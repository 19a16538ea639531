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
    """Finds the tracking server: the region's own, if it has one, or else that of all models.

    Each is named by a connection (`mlflow_<region>`, `mlflow_default`), or else by the environment
    (MLFLOW_TRACKING_URI_<REGION>, MLFLOW_TRACKING_URI). The default for all models is a local SQLite file.

    Parameters
    ----------
    region : str or None
        The spec's region.
    """

    def __init__(self, region: str | None = None) -> None:
        super().__init__()
        self.region = region

    def connect(self) -> TrackingServer:
        """Return the server. Its URI contains the connection's login.

        MLflow could also take a login from the environment. But a process that waits for rows of several regions has
        one environment, and would send one region's password to another region's server.
        """
        return tracking_server(self.region, connection=self._address_for)

    def page(self, path: str) -> str:
        """Return the address of a page of MLflow's web interface, or '' if the interface's address is not known.

        Parameters
        ----------
        path : str
            Path, such as `models/flight_delay/versions/3`. The address before it is PERENNIAL_MLFLOW_UI (for a
            region's own server PERENNIAL_MLFLOW_UI_<REGION>) if people reach MLflow under another address than tasks.
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
