"""The package index, from an Airflow connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from perennial.errors import SpecError

if TYPE_CHECKING:
    from perennial.deployment import PackageIndex


class PackageIndexHook(BaseHook):
    """Finds the index that wheels are sent to.

    Parameters
    ----------
    connection : str
        Its id. Host: the address that takes uploads; schema, port, login and password as
        usual (PyPI: `__token__` and a token).
    """

    def __init__(self, connection: str) -> None:
        super().__init__()
        self.connection = connection

    def index(self) -> PackageIndex:
        """Return the index.

        Raises
        ------
        SpecError
            Airflow has no such connection, or it has no host.
        """
        from perennial.deployment import PackageIndex

        try:
            found = self.get_connection(self.connection)
        except AirflowNotFoundException:
            raise SpecError(
                f"publish.connection: Airflow has no connection {self.connection!r}: add it under Admin > Connections, or "
                f"set AIRFLOW_CONN_{self.connection.upper()}. The champion is not affected"
            ) from None
        if not found.host:
            raise SpecError(f"publish.connection: {self.connection!r} has no host: give the index's upload address")
        scheme, _, place = found.host.rpartition("://")
        port = f":{found.port}" if found.port else ""
        url = f"{scheme or found.schema or 'https'}://{place}{port}"
        return PackageIndex(url, found.login or "", found.password or "")
