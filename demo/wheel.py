"""The champion's wheel in an empty environment: installed by pip, it must predict as the champion does."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

import pandas as pd
from rich.console import Console

from demo.errors import DemoError
from demo.flights import flights_of
from demo.home import DAGS, Home
from demo.periods import batches
from perennial.deployment import Deployment
from perennial.models.bundle import Bundle
from perennial.packages.kept import fetch_package, find_packages
from perennial.packages.runtime.answers import answers_of
from perennial.registry.bundles import load_champion
from perennial.registry.champions import current_champion
from perennial.rehearsal.clean_room import CleanRoom
from perennial.run import Run
from perennial.spec import load_spec
from perennial.store import LocalStore


def predict_by_wheel(home: Home, model: str, console: Console) -> None:
    """Install the champion's wheel in an environment of its own, predict for the newest flights, and compare.

    The wheel, the flights and the environment stay in the folder `wheel` of the demo's.

    Raises
    ------
    DemoError
        It cannot be installed or run, or predicts otherwise than the champion.
    """
    bundle, wheel = _champion(home, model)
    environment, rows, answers = home.wheel / "environment", home.wheel / "rows.csv", home.wheel / "predictions.csv"
    flights = flights_of(batches()[-1])[list(bundle.manifest.inputs)]
    flights.to_csv(rows, index=False)
    _install(wheel, environment)
    _run(environment / "bin" / "python", "-m", model, "predict", rows, "-o", answers)
    given = pd.read_csv(answers, float_precision="round_trip")
    try:
        pd.testing.assert_frame_equal(given, answers_of(bundle.predict(flights)), check_exact=True)
    except AssertionError as error:
        raise DemoError(f"{wheel.name} does not predict as the champion does: {error}") from error
    console.print(
        f"{wheel.name}, installed in an empty environment: the champion's predictions for {len(flights):,} flights, bit for bit",
        soft_wrap=True,
        highlight=False,
    )


def _champion(home: Home, model: str) -> tuple[Bundle, Path]:
    """Return the champion's bundle, and its wheel, copied to the demo's folder."""
    run = Run(
        spec=load_spec(DAGS / "models" / f"{model}.yaml"),
        deployment=Deployment(
            store=LocalStore(home.folder / "store"), tracking_uri=home.mlflow_url, data_root=home.data
        ),
        now=datetime.now(UTC),
    )
    champion = current_champion(run.store, run.tracking_uri, model)
    packages = find_packages(run.store, model, champion.bundle_digest) if champion else None
    wheel = packages.of("wheel") if packages else None
    if champion is None or wheel is None:
        raise DemoError(f"{model} has no champion with a wheel")
    return load_champion(run, champion), fetch_package(run.store, model, wheel, home.wheel)


def _install(wheel: Path, environment: Path) -> None:
    """Install a wheel by pip, without an index: what it declares is linked from here, and nothing else is there."""
    _run(Path(sys.executable), "-m", "venv", environment)
    pip: list[str | Path] = [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    _run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    (site,) = environment.glob("lib/python*/site-packages")
    (installed,) = distributions(name=wheel.name.partition("-")[0], path=[str(site)])
    CleanRoom(site).link(installed.requires or ())
    _run(*pip, "check")


def _run(*command: str | Path) -> None:
    # Without PYTHONPATH, which might lead to Perennial.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoError(f"{' '.join(map(str, command))} failed: {done.stderr.strip() or done.stdout.strip()}")
