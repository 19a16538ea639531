"""The commands about a model's champions: their history, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from perennial.cli.arguments import Model, Models, SqlUrl, Store, deployment_of, moment_of, open_model, quieten, say
from perennial.cli.console import PrintableConsole


def champions(
    model: Model,
    at: Annotated[
        str | None, typer.Option(help="Print only which version was champion then, such as 2013-05-01T00:00:00Z.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all moves as JSON.")] = False,
    store: Store = None,
    models: Models = Path("dags/models"),
) -> None:
    """Print a model's champions: since when, by whom, why, and in place of which.

    A champion that someone has set in MLflow by hand is found, and entered in the ledger.
    """
    from perennial.champions.ledger import enter_found, read_champions
    from perennial.cli.champions import champion_then, champions_json, champions_table
    from perennial.places import tracking_server
    from perennial.registry.champions import current_champion

    quieten()
    moment = moment_of("--at", at)
    spec, opened = open_model(model, models, store)
    tracking_uri = tracking_server(spec.region).uri

    def champion() -> str | None:
        found = current_champion(opened, tracking_uri, spec.name)
        return None if found is None else found.version

    enter_found(opened, spec.name, champion, datetime.now(UTC))
    entries = read_champions(opened, spec.name)
    if moment is not None:
        say(champion_then(entries, spec.name, moment))
    elif as_json:
        say(champions_json(entries))
    elif entries:
        PrintableConsole().print(champions_table(entries))
    else:
        say(f"{spec.name} has had no champion yet")


def rollback(
    model: Model,
    reason: Annotated[str, typer.Option(help="Reason; kept in the ledger of champions.")],
    to: Annotated[
        str, typer.Option(help="Number of the version; previous: the one that the champion replaced.")
    ] = "previous",
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Roll back even if the version scores worse, or the source lacks its columns; that is recorded.",
        ),
    ] = False,
    by: Annotated[
        str | None, typer.Option(help="Who rolls back; kept in the ledger. Default: the system account's name.")
    ] = None,
    store: Store = None,
    models: Models = Path("dags/models"),
    sql_url: SqlUrl = None,
) -> None:
    """Make an earlier version champion again, if it is whole and not worse on the newest labels."""
    from getpass import getuser

    from perennial.rollback.examine import examine
    from perennial.rollback.request import RollbackRequest, command_id
    from perennial.rollback.roll_back import roll_back
    from perennial.run import Run

    quieten()
    spec, opened = open_model(model, models, store)
    run = Run(spec=spec, deployment=deployment_of(spec, opened, sql_url), now=datetime.now(UTC))
    who = by or getuser()
    request = RollbackRequest(to=to, reason=reason, by=who, run_id=command_id(run, to, reason, who), force=force)
    examination = examine(run, request)
    promotion = roll_back(run, request, examination)
    say(f"{examination.sentence} {'Forced.' if examination.objections else ''}".rstrip())
    say(f"{spec.name} v{promotion.version} is champion again, in place of v{promotion.previous_version}")


def audit(
    model: Model,
    out: Annotated[Path, typer.Option(help="The archive, a zip file; replaced as a whole.")],
    since: Annotated[
        str | None,
        typer.Option("--from", help="Begin of the period, such as 2013-01-01T00:00:00Z. Default: the first move."),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="End of the period. Default: now.")] = None,
    store: Store = None,
    models: Models = Path("dags/models"),
) -> None:
    """Write an archive of a model's champions, verdicts, approvals, evidence and checks, each under its SHA-256.

    Exit code 1: a record is damaged or gone; the manifest names it, and all others are in the archive.
    """
    from perennial.audit.audit import audit as collect
    from perennial.places import tracking_server

    quieten()
    period = {"since": moment_of("--from", since), "until": moment_of("--to", until)}
    spec, opened = open_model(model, models, store)
    found = collect(opened, tracking_server(spec.region).uri, spec.name, out, **period)
    for problem in found.problems:
        say(problem)
    say(
        f"{spec.name}: moves: {len(found.moves)}, versions: {len(found.versions)}, checks: {len(found.checks)}, files: "
        f"{len(found.files)}, problems: {len(found.problems)}; in {out}"
    )
    if found.problems:
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(champions)
    app.command()(rollback)
    app.command()(audit)
