"""The command line: the same steps as the DAGs', without Airflow."""

from __future__ import annotations

import json
import logging
import os
import warnings
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from perennial.errors import PerennialError

PROMOTED, FAILED, REJECTED = 0, 1, 3

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Models = Annotated[Path, typer.Option("--models", envvar="PERENNIAL_MODELS", help="Folder of the model specs.")]


@app.command()
def lint(
    paths: Annotated[
        list[Path], typer.Argument(envvar="PERENNIAL_MODELS", help="Spec files and folders of them.", metavar="PATH...")
    ] = [Path("dags/models")],  # noqa: B006 (typer reads it as the default)
) -> None:
    """Check model specs: their fields, and the estimators, functions and expectations that they name."""
    from perennial.linting import lint_paths

    _quieten()
    count, problems = lint_paths(paths)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(FAILED)
    typer.echo(f"{count} spec is fine" if count == 1 else f"{count} specs are fine")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a model spec, for editors."""
    from perennial.spec.json_schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def run(
    model: Annotated[str, typer.Argument(help="Name of the model, or path of its spec.")],
    store: Annotated[
        str, typer.Option(envvar="PERENNIAL_STORE", help="Folder or s3://bucket/prefix for snapshots and reports.")
    ] = ".perennial/store",
    as_of: Annotated[
        str | None, typer.Option(help="Newest event time to take, such as 2013-03-01T00:00:00Z. Default: the newest.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after the verdict; register nothing.")] = False,
    window_days: Annotated[
        float | None, typer.Option(help="Days of data to take, in place of the spec's window.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the model version.")] = "",
    models: Models = Path("dags/models"),
    sql_url: Annotated[
        str | None,
        typer.Option(envvar="PERENNIAL_SQL_URL", help="SQLAlchemy URL in place of the source's Airflow connection."),
    ] = None,
) -> None:
    """Retrain a model here and now. Exit code: 0 promoted, 3 rejected, 1 error."""
    from perennial.foreground import retrain, run_id
    from perennial.run import RetrainingRun
    from perennial.spec import find_spec
    from perennial.store import open_store

    _quieten()
    moment = _moment(as_of)
    if window_days is not None and not 0 < window_days < float("inf"):
        raise PerennialError(f"--window-days {window_days:g}: give a number above 0")
    spec = find_spec(model, models)
    opened = open_store(store)
    verdict = retrain(
        RetrainingRun(
            spec=spec,
            store=opened,
            run_id=run_id(spec, opened.uri, moment, window_days),
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///.perennial/mlflow.db"),
            data_root=Path(os.environ.get("PERENNIAL_DATA", ".perennial/data")),
            as_of=moment,
            window_days=window_days,
            dry_run=dry_run,
            reason=reason,
            triggered_by="perennial run",
            sql_url=sql_url,
        ),
        Console(),
    )
    raise typer.Exit(PROMOTED if verdict.outcome == "promote" else REJECTED)


def main() -> None:
    """Run the command line; an error that Perennial raises on purpose ends it with its message alone."""
    try:
        app()
    except PerennialError as error:
        Console(stderr=True).print(
            Text("error: ", style="bold red").append(str(error), style="default"), soft_wrap=True
        )
        raise SystemExit(FAILED) from None


def _moment(as_of: str | None) -> datetime | None:
    if as_of is None:
        return None
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        raise PerennialError(f"--as-of {as_of!r} is no moment: write one such as 2013-03-01T00:00:00Z") from None
    if moment.tzinfo is None:
        raise PerennialError(f"--as-of {as_of!r} has no zone: add one, such as {moment.isoformat()}Z")
    return moment


def _quieten() -> None:
    """Keep the libraries' notices out of the display, and their telemetry off; set before they are imported."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "alembic", "great_expectations"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
