"""The command line: runs the steps of the DAGs without Airflow."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from perennial.cli import champion_commands
from perennial.cli.arguments import (
    AsOf,
    Model,
    Models,
    SqlUrl,
    Store,
    deployment_of,
    moment_of,
    open_model,
    quieten,
    say,
)
from perennial.cli.console import PrintableConsole
from perennial.errors import PerennialError

if TYPE_CHECKING:
    from perennial.promotion.records import Verdict

PROMOTED, FAILED, REJECTED, INCONCLUSIVE, WAITING = 0, 1, 3, 4, 8

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
champion_commands.add_to(app)


class Searches(StrEnum):
    """Whether a run searches."""

    DUE = "due"
    FORCE = "force"
    SKIP = "skip"


@app.command()
def lint(
    paths: Annotated[
        list[Path], typer.Argument(envvar="PERENNIAL_MODELS", help="Spec files and folders of them.", metavar="PATH...")
    ] = [Path("dags/models")],  # noqa: B006 (typer reads it as the default)
) -> None:
    """Check model specs: their fields, and the estimators, functions and expectations that they name."""
    from perennial.linting import lint_paths

    quieten()
    count, problems = lint_paths(paths)
    for problem in problems:
        say(problem)
    if not all(problem.is_warning for problem in problems):
        raise typer.Exit(FAILED)
    say(f"{count} spec is fine" if count == 1 else f"{count} specs are fine")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a model spec, for editors."""
    from perennial.spec.json_schema import json_schema

    say(json.dumps(json_schema(), indent=2))


@app.command()
def run(
    model: Model,
    store: Store = None,
    as_of: AsOf = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after the verdict; register nothing.")] = False,
    window_days: Annotated[float | None, typer.Option(help="Days of data to use instead of the spec's window.")] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Most trials of a search, in place of the spec's tuning.trials.")
    ] = None,
    search: Annotated[
        Searches, typer.Option(help="Search for the best candidate: when it is due by tuning.when, force, or skip.")
    ] = Searches.DUE,
    reason: Annotated[str, typer.Option(help="Reason for the retraining; kept with the model version.")] = "",
    approve: Annotated[
        str | None, typer.Option(help="Approve the candidate, for this reason, if its spec asks a person.")
    ] = None,
    models: Models = Path("dags/models"),
    sql_url: SqlUrl = None,
) -> None:
    """Retrain a model in this process.

    Exit code: 0 promoted, 3 rejected, 4 inconclusive and not promoted, 8 waits for a person's approval, 1 error.
    """
    from perennial.cli.asking import Asking
    from perennial.cli.retrain import retrain, run_id
    from perennial.run import RetrainingRun
    from perennial.spec.section import MOST_DAYS

    quieten()
    moment = moment_of("--as-of", as_of)
    if window_days is not None and not 0 < window_days <= MOST_DAYS:
        raise PerennialError(f"--window-days {window_days:g}: give a number above 0, up to {MOST_DAYS:,}")
    spec, opened = open_model(model, models, store)
    if not spec.tunes and (trials is not None or search is not Searches.DUE):
        raise PerennialError(
            f"{spec.name} names one estimator, so there is nothing to search: leave --trials and --search out"
        )
    if approve is not None and spec.approval.when == "never":
        raise PerennialError(
            f"{spec.name} asks nobody for an approval: leave --approve out, or set approval in its spec"
        )
    console = PrintableConsole()
    verdict = retrain(
        RetrainingRun(
            spec=spec,
            deployment=deployment_of(spec, opened, sql_url),
            run_id=run_id(spec, opened.uri, moment, window_days),
            now=datetime.now(UTC),
            as_of=moment,
            window_days=window_days,
            trials=trials,
            search=search.value,
            dry_run=dry_run,
            reason=reason,
            triggered_by="perennial run",
        ),
        console,
        ask=Asking(console, approve),
    )
    raise typer.Exit(_exit_code(verdict))


@app.command()
def monitor(
    model: Model,
    store: Store = None,
    as_of: AsOf = None,
    once: Annotated[
        bool, typer.Option("--once", help="Check once and exit. Without it: by the spec's schedule until interrupted.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each look, and everything else on stderr.")
    ] = False,
    models: Models = Path("dags/models"),
    sql_url: SqlUrl = None,
) -> None:
    """Check a model's new rows for drift, and retrain it here if the check triggers it; --as-of implies --once.

    Exit code of one look: 0 nothing due, 6 quiet, 7 held back, 5 promoted, 3 rejected, 4 inconclusive and not promoted,
    1 error, also if the retraining fails.
    """
    from perennial.cli.monitor import keep_checking, look
    from perennial.run import MonitorRun

    quieten()
    moment = moment_of("--as-of", as_of)
    spec, opened = open_model(model, models, store)
    arguments = MonitorRun(
        spec=spec, deployment=deployment_of(spec, opened, sql_url), now=datetime.now(UTC), as_of=moment
    )
    console = PrintableConsole(stderr=as_json)
    if once or moment:
        raise typer.Exit(look(arguments, console, as_json=as_json))
    try:
        keep_checking(arguments, console, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit from None


@app.command()
def backtest(
    model: Model,
    store: Store = None,
    as_of: AsOf = None,
    days: Annotated[
        float | None,
        typer.Option(help="Length of the period that is replayed. Default: the newest three quarters of the history."),
    ] = None,
    batches: Annotated[
        int, typer.Option(help="Number of batches into which the period is cut; a model is trained at the end of each.")
    ] = 26,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Trainings at the same time. Default: one for each processor.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
    models: Models = Path("dags/models"),
    sql_url: SqlUrl = None,
) -> None:
    """Replay retraining policies on a model's own history, and show what each would have scored and cost.

    Changes nothing.
    """
    from perennial.cli.backtest import backtest as replay
    from perennial.cli.backtest import backtest_table
    from perennial.run import Run
    from perennial.spec.section import MOST_DAYS

    quieten()
    moment = moment_of("--as-of", as_of)
    if days is not None and not 0 < days <= MOST_DAYS:
        raise PerennialError(f"--days {days:g}: give a number above 0, up to {MOST_DAYS:,}")
    spec, opened = open_model(model, models, store)
    run = Run(spec=spec, deployment=deployment_of(spec, opened, sql_url), now=datetime.now(UTC), as_of=moment)
    console = PrintableConsole(stderr=as_json)
    found, page = replay(run, console, days=days, batches=batches, processes=processes)
    if as_json:
        say(found.model_dump_json(indent=2))
    else:
        console.print(backtest_table(found))
        console.print(Text(found.sentence, style="bold"))
        console.print(f"Page: {opened.uri}/{page}", soft_wrap=True)


@app.command()
def ledger(
    model: Model,
    store: Store = None,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest checks to print.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print complete entries as JSON.")] = False,
    models: Models = Path("dags/models"),
) -> None:
    """Print the checks of a model: what was found, what was decided and why, and the result."""
    from perennial.cli.ledger import ledger_json, ledger_table
    from perennial.monitoring.ledger import read_ledger

    quieten()
    spec, opened = open_model(model, models, store)
    entries = read_ledger(opened, spec.name)[-last:]
    if as_json:
        say(ledger_json(opened, entries))
    elif entries:
        PrintableConsole().print(ledger_table(opened, entries))
    else:
        say(f"{spec.name} has not been checked yet")


@app.command()
def close_breaker(
    model: Model,
    reason: Annotated[str, typer.Option(help="Reason why retrainings may succeed again; kept in the store.")],
    by: Annotated[
        str | None, typer.Option(help="Who closes it; kept in the store. Default: the system account's name.")
    ] = None,
    store: Store = None,
    models: Models = Path("dags/models"),
) -> None:
    """Let drift trigger a model's retrainings again, after its breaker opened because they failed or did not promote."""
    from getpass import getuser

    from perennial.monitoring.ledger import close_breaker as close

    quieten()
    spec, opened = open_model(model, models, store)
    closed = close(opened, spec.name, by=by or getuser(), reason=reason)
    say(f"closed by {closed.by}: retrainings up to check {closed.after_sequence} no longer count")


@app.command()
def set_cursor(
    model: Model,
    to: Annotated[str, typer.Option(help="Event time after which rows are new again, such as 2013-05-01T00:00:00Z.")],
    reason: Annotated[str, typer.Option(help="Reason; kept in the ledger.")],
    by: Annotated[
        str | None, typer.Option(help="Who sets it; kept in the ledger. Default: the system account's name.")
    ] = None,
    store: Store = None,
    models: Models = Path("dags/models"),
) -> None:
    """Set a model's cursor back, after a wrong event time or as-of moved it beyond its rows."""
    from getpass import getuser

    from perennial.monitoring.set_cursor import set_cursor as set_back
    from perennial.run import MonitorRun

    quieten()
    moment = moment_of("--to", to)
    assert moment is not None  # noqa: S101 - the option must be given
    spec, opened = open_model(model, models, store)
    run = MonitorRun(spec=spec, deployment=deployment_of(spec, opened), now=datetime.now(UTC))
    say(set_back(run, moment, by=by or getuser(), reason=reason).decision.reasons[0])


@app.command()
def verify(
    model: Annotated[str | None, typer.Argument(help="Name of the model, or path of its spec. Default: all.")] = None,
    store: Store = None,
    models: Models = Path("dags/models"),
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every object completely, and compare it with its recorded digest.")
    ] = False,
) -> None:
    """Verify that all versions' files and snapshots exist, the champion can be loaded, and the ledger is complete."""
    from perennial.backup.verify import verify as look
    from perennial.places import tracking_server

    quieten()
    found = []
    for name in [model] if model else _all_models(models):
        spec, opened = open_model(name, models, store)
        found.append(look(opened, tracking_server(spec.region).uri, spec, deep=deep))
        say(found[-1])
        for problem in found[-1].problems:
            say(f"  {problem}")
    if any(one.problems for one in found):
        raise typer.Exit(FAILED)


@app.command()
def reproduce(
    model: Model,
    version: Annotated[str, typer.Argument(help="Number of a registered version, or an alias such as champion.")],
    store: Store = None,
    models: Models = Path("dags/models"),
) -> None:
    """Train a version again from its record and rows, and compare the predictions.

    Exit code 3: they are not the same.
    """
    from perennial.run import Run
    from perennial.training.reproduce import reproduce as train_again

    quieten()
    spec, opened = open_model(model, models, store)
    found = train_again(Run(spec=spec, deployment=deployment_of(spec, opened), now=datetime.now(UTC)), version)
    say(found.sentence)
    if not found.identical:
        raise typer.Exit(REJECTED)


def main() -> None:
    """Run the command line; for Perennial's own errors it prints only the message."""
    try:
        app()
    except PerennialError as error:
        PrintableConsole(stderr=True).print(
            Text("error: ", style="bold red").append(str(error), style="default"), soft_wrap=True
        )
        raise SystemExit(FAILED) from None


def _exit_code(verdict: Verdict) -> int:
    if verdict.promotes:
        return PROMOTED
    if verdict.consequence == "ask":
        return WAITING
    return INCONCLUSIVE if verdict.result == "inconclusive" else REJECTED


def _all_models(models: Path) -> list[str]:
    from perennial.spec import SpecFileError
    from perennial.spec.reading.loader import load_folder

    specs, problems = load_folder(models)
    if problems:
        raise SpecFileError(problems)
    return sorted(spec.name for spec in specs.values())
