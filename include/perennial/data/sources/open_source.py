"""The source that a spec names."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import cast

from perennial.data.sources.file_source import FileSource
from perennial.data.sources.source import Source
from perennial.errors import DataError
from perennial.run import Run
from perennial.store.open import open_store


def open_source(run: Run) -> Source:
    """Return the source that the run's spec names. Does not read anything yet.

    Parameters
    ----------
    run : Run

    Raises
    ------
    DataError
        The source is a query, and the URL of its database was not given.
    """
    given, deployment = run.spec.source, run.deployment
    if given.sql is not None:
        if deployment.sql_url is None:
            raise DataError(
                f"the source of {run.spec.name} is a query over {given.connection!r}, whose SQLAlchemy URL was not "
                "given"
            )
        from perennial.data.sources.sql_source import SqlSource

        return SqlSource(run.spec, deployment.sql_url)
    uri = cast(str, given.uri)
    if uri.startswith("s3://"):
        store = open_store(uri, s3=deployment.s3)
        return FileSource(run.spec, store, "", kept_in=run.store, label=f"{store.uri}/")
    folder = PurePosixPath(uri).as_posix()
    store = open_store(str(deployment.data_root), s3=deployment.s3)
    return FileSource(run.spec, store, "" if folder == "." else f"{folder}/", kept_in=run.store)
