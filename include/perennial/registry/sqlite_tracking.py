"""MLflow's schema in a new SQLite file, whole or not at all."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from perennial.printable import PrintableLog

log = PrintableLog(__name__)


def ensure_schema(database: Path) -> None:
    """Make MLflow's tables in a file that is not there yet; leave one that is alone.

    MLflow would make them itself, table by table in place: two processes at once trip over each other, and a
    killed one leaves a file that no later one can use. Here one makes them beside, and renames.

    Parameters
    ----------
    database : Path
        Its folder is made where absent. Artifacts of MLflow's default experiment go to `artifact_root(database)`.
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
    """Return the folder beside the database that takes models and plots, wherever a process happens to run."""
    return str(database.with_name(f"{database.stem}-artifacts"))


def _has_content(database: Path) -> bool:
    return database.exists() and database.stat().st_size > 0
