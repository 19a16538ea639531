"""The connections from which a model's rows are read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from perennial.errors import SpecError
from perennial.places import variable
from perennial_airflow.hooks.s3 import s3_client

if TYPE_CHECKING:
    from perennial.spec import SourceSection


class SourceHook(BaseHook):
    """Finds the arguments for reading a spec's source.

    Parameters
    ----------
    source : SourceSection
    region : str or None
        The spec's region, whose AWS connection reads sources on S3.
    """

    def __init__(self, source: SourceSection, region: str | None = None) -> None:
        super().__init__()
        self.source = source
        self.region = region

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `Deployment` that are needed to read the source: `sql_url`, `s3` or none.

        Raises
        ------
        SpecError
            The spec names a connection that Airflow does not have, or that has no SQLAlchemy URL.
        """
        if self.source.connection is not None:
            return {"sql_url": self._sqlalchemy_url(self.source.connection)}
        root = os.environ.get(variable("PERENNIAL_DATA", self.region), "")
        if (self.source.uri or "").startswith("s3://") or root.startswith("s3://"):
            return {"s3": s3_client(self.region)}
        return {}

    def _sqlalchemy_url(self, connection_id: str) -> str:
        from airflow.providers.common.sql.hooks.sql import DbApiHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            hook = self.get_hook(connection_id)
        except AirflowNotFoundException:
            raise SpecError(
                f"source.connection: Airflow has no connection {connection_id!r}: add it under Admin > Connections, "
                f"or set AIRFLOW_CONN_{connection_id.upper()}"
            ) from None
        if not isinstance(hook, DbApiHook):
            raise SpecError(
                f"source.connection: {connection_id!r} is not a SQL database (its hook is {type(hook).__name__})"
            )
        return hook.get_uri()
