"""The storage of searches: Optuna's tables in a database that all workers reach.

PostgreSQL in production, in a schema of its own: Optuna's table of versions has the same name as those of Airflow and
MLflow. A SQLite file where all processes are on one machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.schema import CreateSchema
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from perennial.address import Address
from perennial.errors import SpecError, StudyUnavailable

SCHEMA = "perennial_tuning"
"""Schema of the tables in PostgreSQL."""
_WAIT_S = 60  # how long a process waits for another one that writes to the SQLite file


def open_storage(url: str) -> BaseStorage:
    """Return the storage, with its tables made if they are missing.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of a PostgreSQL database or a SQLite file.

    Raises
    ------
    StudyUnavailable
        The database does not answer, also when asked a third time.
    SpecError
        It is not a URL of such a database, or the library for it is not installed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with storage_errors(url):
        return _connected(url)


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn errors of the database into StudyUnavailable, without the login in the URL."""
    address = Address(url)
    try:
        yield
    except (StorageInternalError, DBAPIError) as error:
        cause = error.__cause__ if isinstance(error, StorageInternalError) else error
        raise StudyUnavailable(
            f"the storage of searches at {address.shown} does not answer: {address.without_secrets(cause or error)}"
        ) from None
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise SpecError(
            f"the storage of searches: {address.shown} cannot be used: {address.without_secrets(error)}. Give the URL of "
            "a PostgreSQL database or a SQLite file"
        ) from None


# Two processes that make the tables at the same time disturb each other once.
@retry(
    retry=retry_if_exception_type((StorageInternalError, DBAPIError)),
    stop=stop_after_attempt(3),
    wait=wait_fixed(1),
    reraise=True,
)
def _connected(url: str) -> BaseStorage:
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        return get_storage(_sqlite(url, place.database or ""))
    in_schema: dict[str, Any] = {"connect_args": {"options": f"-csearch_path={SCHEMA}"}, "pool_pre_ping": True}
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            known = text("SELECT 1 FROM information_schema.schemata WHERE schema_name = :name")
            # Who may use the schema need not have the right to make one.
            if connection.execute(known, {"name": SCHEMA}).scalar() is None:
                connection.execute(CreateSchema(SCHEMA, if_not_exists=True))
    finally:
        engine.dispose()
    return get_storage(RDBStorage(url, engine_kwargs=in_schema))


def _sqlite(url: str, file: str) -> RDBStorage:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    storage = RDBStorage(url, engine_kwargs={"connect_args": {"timeout": _WAIT_S}})

    # SQLite knows no SELECT FOR UPDATE: without these two, two processes could take the same trial.
    @event.listens_for(storage.engine, "connect")
    def _let_sqlalchemy_begin(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        # Waits for the disk at checkpoints only: what a killed process has committed is kept, and each commit is quick.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(storage.engine, "begin")
    def _begin_as_writer(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    storage.engine.dispose()
    return storage
