"""`python -m demo play | stack | stop | land`: what `make demo`, `make demo-compose` and `make stop` call."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from demo import flights, quiet, services
from demo.backtest import replay_policies
from demo.checks_report import print_checks, print_summary
from demo.errors import DemoError
from demo.home import USER, Home
from demo.periods import batches
from demo.replay import Replay, play_together
from demo.report import print_how_to_open, print_retrainings
from demo.reproduction import reproduce_champion
from demo.retraining import Retraining
from demo.rollback import roll_back_and_return
from demo.search import search_and_train
from demo.stack import Stack, play_in_stack
from demo.together import together
from demo.wheel import predict_by_wheel

YEAR = "flight_delay"

app = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)
# Output to a file would be wrapped at 80 columns.
console = Console() if sys.stdout.isatty() else Console(width=150)


@app.command()
def play(
    once: Annotated[bool, typer.Option("--once", help="Stop Airflow and MLflow at the end.")] = False,
) -> None:
    """Start Airflow and MLflow, train on a winter, and land the year's flights; drift retrains the model."""
    home = Home.from_environment(os.environ)
    if left := services.running(home):
        raise DemoError(
            f"a demo is running already ({', '.join(service.name for service in left)}), in {home.folder}: "
            f"open {home.airflow_url}, or stop it with make stop. The password of {USER} is in {home.passwords}"
        )
    services.check_ports(home)
    home.make_again()
    keep = False
    try:
        champion = _play(home)
        keep = not once
    finally:
        if not keep:
            services.stop_all(home)
    if keep:
        print_how_to_open(home, champion, console)


def _play(home: Home) -> Retraining:
    """Play all of it; return the retraining that made the champion."""
    console.print(f"Starting Airflow ({home.airflow_url}) and MLflow ({home.mlflow_url}) ...", soft_wrap=True)
    flights.clear(home.data)
    flights.clear(home.data, quiet.FOLDER)
    services.start_all(home)
    year = Replay(YEAR, batches(), lambda period: flights.land_period(period, home.data))
    still = Replay(quiet.MODEL, quiet.BATCHES, lambda period: quiet.land_resampled(period, home.data))
    replayed, control = play_together([year, still], home, console)
    print_retrainings(replayed, console)
    print_checks([replayed, control], console)
    print_summary([replayed, control], console)
    if control.triggered:
        raise DemoError("the quiet replay, in which nothing drifts, triggered a retraining")
    if not replayed.triggered:
        raise DemoError("no drift was found in a year of flights")
    # None of them needs what another makes.
    together(
        lambda: replay_policies(home, YEAR, console),
        lambda: search_and_train(home, console),
        lambda: _take_champion_out(home),
    )
    return replayed.champion


def _take_champion_out(home: Home) -> None:
    reproduce_champion(home, YEAR, console)
    predict_by_wheel(home, YEAR, console)
    roll_back_and_return(home, YEAR, console)


@app.command()
def stack(
    batches: Annotated[
        int | None, typer.Option("--batches", min=1, help="End after this many batches; default: all.")
    ] = None,
) -> None:
    """Replay the year on the running production stack: what `make demo-compose` calls, inside its network."""
    play_in_stack(Stack.from_environment(os.environ), batches, console)


@app.command()
def stop() -> None:
    """Stop the services that `play` left running."""
    home = Home.from_environment(os.environ)
    stopped = services.stop_all(home)
    names = ", ".join(service.name for service in stopped)
    console.print(f"Stopped {names}." if stopped else f"Nothing of {home.folder} is running.")


@app.command()
def land(
    months: Annotated[list[int], typer.Argument(min=1, max=12, help="Months of 2013.")],
) -> None:
    """Write months of flights to the data root, for `perennial run flight_delay` or a DAG run of your own."""
    home = Home.from_environment(os.environ)
    for month in months:
        console.print(str(flights.land(month, home.data)), soft_wrap=True)


def main() -> None:
    """Run a command; print known errors without a traceback."""
    # A terminated demo stops its services, like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except DemoError as error:
        console.print(f"[red]Demo:[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
