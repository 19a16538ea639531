"""The storage of searches, from Airflow's connections or the environment."""

from __future__ import annotations

from airflow.sdk import BaseHook

from perennial.errors import SpecError
from perennial.places import tuning_url
from perennial_airflow.hooks.regional import connection_id


class TuningHook(BaseHook):
    """Finds the database of Optuna's studies: the region's own, if it has one, or else that of all models.

    Each is named by a connection (`optuna_<region>`, `optuna_default`), or else by the environment
    (PERENNIAL_TUNING_<REGION>, PERENNIAL_TUNING). The default is a local SQLite file.

    Parameters
    ----------
    region : str or None
        The spec's region.
    """

    def __init__(self, region: str | None = None) -> None:
        super().__init__()
        self.region = region

    def url(self) -> str:
        """Return the SQLAlchemy URL, which contains the connection's login.

        Raises
        ------
        SpecError
            The connection is not one of a SQL database.
        """
        return tuning_url(self.region, connection=self._url_of)

    def _url_of(self, region: str | None) -> str | None:
        from airflow.providers.common.sql.hooks.sql import DbApiHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        name = connection_id("optuna", region)
        try:
            hook = self.get_hook(name)
        except AirflowNotFoundException:
            return None
        if not isinstance(hook, DbApiHook):
            raise SpecError(f"connection {name!r} is not a SQL database (its hook is {type(hook).__name__})")
        return hook.get_uri()
