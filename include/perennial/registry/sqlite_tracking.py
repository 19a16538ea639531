"""Creates MLflow's tables in a new SQLite file, all of them or none."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from perennial.printable import PrintableLog

log = PrintableLog(__name__)


def ensure_schema(database: Path) -> None:
    """Create a SQLite file with MLflow's tables if it does not exist; an existing one is not changed.

    MLflow would create them itself, table by table in place: two processes at once would disturb each other, and a
    killed one would leave a file that cannot be used. Here a process creates them in a temporary file and renames it.

    Parameters
    ----------
    database : Path
        Its folder is created if it does not exist. Artifacts of MLflow's default experiment go to
        `artifact_root(database)`.
    """
    if _has_content(database):
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with (database.parent / f".{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _has_content(database):
            return
        log.info("making MLflow's tables in %s (once, some seconds)", database)
        beside = database.with_name(f".{database.name}.new")
        for left in (beside, beside.with_name(beside.name + "-journal")):
            left.unlink(missing_ok=True)
        store = SqlAlchemyStore(f"sqlite:///{beside}", artifact_root(database))
        store.engine.dispose()
        os.replace(beside, database)


def artifact_root(database: Path) -> str:
    """Return the folder beside the database for models and plots, as an absolute path."""
    return str(database.with_name(f"{database.stem}-artifacts"))


def _has_content(database: Path) -> bool:
    return database.exists() and database.stat().st_size > 0
