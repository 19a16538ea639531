"""What the commands of the command line share: their arguments, and what is made of them."""

from __future__ import annotations

import logging
import os
import warnings
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perennial.errors import PerennialError
from perennial.moments import in_utc
from perennial.printable import printable

if TYPE_CHECKING:
    from perennial.deployment import Deployment
    from perennial.spec import ModelSpec
    from perennial.store.protocol import Store as Opened

Model = Annotated[str, typer.Argument(help="Name of the model, or path of its spec.")]
Models = Annotated[Path, typer.Option("--models", envvar="PERENNIAL_MODELS", help="Folder of the model specs.")]
Store = Annotated[
    str | None,
    typer.Option(
        help="Folder or s3://bucket/prefix for snapshots and reports. Default: PERENNIAL_STORE, or of a spec with a "
        "region PERENNIAL_STORE_<REGION>."
    ),
]
AsOf = Annotated[
    str | None, typer.Option(help="Newest event time to use, such as 2013-03-01T00:00:00Z. Default: the newest.")
]
SqlUrl = Annotated[
    str | None,
    typer.Option(envvar="PERENNIAL_SQL_URL", help="SQLAlchemy URL to use instead of the source's Airflow connection."),
]


def say(text: object) -> None:
    """Print a line, printable whatever it quotes."""
    typer.echo(printable(str(text)))


def open_model(model: str, models: Path, store: str | None) -> tuple[ModelSpec, Opened]:
    """Return the model's spec, and its store."""
    from perennial.places import store_uri
    from perennial.spec import find_spec
    from perennial.store import open_store

    spec = find_spec(model, models)
    return spec, open_store(store_uri(spec.name, spec.region) if store is None else store)


def deployment_of(spec: ModelSpec, store: Opened, sql_url: str | None = None) -> Deployment:
    """Return the places for a model from the environment."""
    from perennial.deployment import Deployment
    from perennial.places import data_root, package_index, tracking_server, tuning_url

    server = tracking_server(spec.region)
    return Deployment(
        store=store,
        tracking_uri=server.uri,
        mlflow_takes_rows=server.takes_rows,
        data_root=data_root(spec),
        sql_url=sql_url,
        tuning_url=tuning_url(spec.region),
        package_index=package_index(),
    )


def moment_of(option: str, text: str | None) -> datetime | None:
    """Return an option's timestamp in UTC; None if it was not given.

    Raises
    ------
    PerennialError
        It is not a timestamp, or has no zone.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PerennialError(f"{option} {text!r} is not a timestamp: write one such as 2013-03-01T00:00:00Z") from None
    if moment.tzinfo is None:
        raise PerennialError(f"{option} {text!r} has no zone: add one, such as {moment.isoformat()}Z")
    try:
        return in_utc(moment)
    except ValueError as error:
        raise PerennialError(f"{option} {text!r}: {error}") from None


def quieten() -> None:
    """Turn off the libraries' notices and telemetry; must be called before they are imported."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "alembic", "great_expectations"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
