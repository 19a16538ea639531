"""The end of the demo's output: the retrainings side by side, the verdicts, and how to open Airflow and MLflow."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.home import USER, Home
from demo.periods import ZONE
from demo.replay import Replayed
from demo.retraining import Retraining
from perennial.layout import MODEL_CARD, run_folder

PRIMARY = "roc_auc"


def print_retrainings(replayed: Replayed, console: Console) -> None:
    """Print the retrainings of a replay side by side, and each verdict."""
    runs = [replayed.first, *(check.retraining for check in replayed.checks if check.retraining)]
    to_champion = {check.retraining.run_id: check.seconds_to_champion for check in replayed.checks if check.retraining}
    table = Table(title=f"{replayed.model}: what each retraining found", title_justify="left")
    table.add_column("")
    for run in runs:
        table.add_column(run.title, justify="right", overflow="fold")
    for label, figure in _FIGURES.items():
        table.add_row(label, *(figure(run) for run in runs))
    table.add_section()
    for task in replayed.first.seconds:
        table.add_row(f"{task}, seconds", *(_number(run.seconds[task], ".1f") for run in runs))
    table.add_row("landing to champion, s", *(_number(to_champion.get(run.run_id), ".1f") for run in runs))
    console.print(table)
    for run in runs:
        console.print(f"[bold]{run.title}: {run.verdict.outcome}[/]. {escape(run.verdict.sentence)}")


def print_how_to_open(home: Home, champion: Retraining, console: Console) -> None:
    """Print how to open, log in, use the champion and stop. The password is shown only here."""
    model = champion.registered.name
    console.print()
    console.print(f"Airflow  {home.airflow_url}/dags/{model}.monitor and {model}.retrain", soft_wrap=True)
    console.print(f"         user {USER}, password {home.password()}", soft_wrap=True, highlight=False)
    console.print(f"MLflow   {home.mlflow_url}", soft_wrap=True)
    for line in _champion_lines(home, champion):
        console.print(line, soft_wrap=True, highlight=False)
    console.print(f"Both keep running, in {home.folder}. Stop them: make stop. Another make demo starts from scratch.")


def _champion_lines(home: Home, champion: Retraining) -> list[str]:
    """Return where the champion's card is, how to predict with its wheel, and how to roll back."""
    model = champion.registered.name
    card = run_folder(model, champion.run_id) + MODEL_CARD.name
    return [
        f"Card     {home.airflow_url}/perennial/reports/{card}",
        f"Wheel    {home.wheel}/{model}-*.whl, of the champion. In an environment of your own, where pip fetches the",
        "         libraries that fitted it (NumPy, pandas, scikit-learn, SciPy and skops):",
        f"         python3 -m venv new && new/bin/pip install {home.wheel}/*.whl",
        f"         new/bin/python -m {model} predict {home.wheel}/rows.csv",
        f"         or without a package index: {home.wheel}/environment/bin/python has it installed already",
        f"Back     {home.airflow_url}/dags/{model}.rollback: Trigger, with a version ('previous') and a reason",
    ]


def _score(run: Retraining, *, champion: bool) -> str:
    scores = run.evaluation.champion if champion else run.evaluation.candidate
    return "none" if scores is None else _number(scores.metrics.get(PRIMARY), ".4f")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


_FIGURES: dict[str, Callable[[Retraining], str]] = {
    "run": lambda run: run.run_id,
    "flights until": lambda run: f"{run.snapshot.end.astimezone(ZONE):%Y-%m-%d}",
    "rows": lambda run: f"{run.snapshot.rows:,}",
    "trained on": lambda run: f"{run.candidate.split.train_rows:,}",
    "held out": lambda run: f"{run.candidate.split.holdout_rows:,}",
    "snapshot": lambda run: run.snapshot.digest[:12],
    "candidate, roc_auc": lambda run: _score(run, champion=False),
    "champion, roc_auc": lambda run: _score(run, champion=True),
    "verdict": lambda run: run.verdict.outcome,
    "version": lambda run: run.registered.version,
}
