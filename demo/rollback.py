"""A rollback, as a person triggers it: by the fields of the form of the rollback DAG; and the way forward again."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from demo.airflow_api import AirflowApi
from demo.dag_runs import wait_for_dag, wait_for_run
from demo.errors import DemoError
from demo.home import USER, Home
from perennial.promotion.records import Promotion
from perennial.registry.champions import current_champion
from perennial.rollback.records import Examination
from perennial.store import LocalStore


def roll_back_and_return(home: Home, model: str, console: Console) -> None:
    """Make the version before the champion champion again, and then the champion itself; print both moves.

    Raises
    ------
    DemoError
        A run fails, or another version is champion afterwards.
    """
    with AirflowApi(home.airflow_url, user=USER, password=home.password()) as airflow:
        wait_for_dag(airflow, dag_of(model))
        newest = _champion(home, model)
        for version, reason in (("previous", "to show a rollback"), (newest, "the newest champion again")):
            moved = _moved(airflow, model, version, f"demo: {reason}", console)
            if _champion(home, model) != moved.version:
                raise DemoError(f"{dag_of(model)} ended, and version {moved.version} is not champion")


def dag_of(model: str) -> str:
    """Return the id of the DAG that rolls the model back."""
    return f"{model}.rollback"


def _champion(home: Home, model: str) -> str:
    found = current_champion(LocalStore(home.folder / "store"), home.mlflow_url, model)
    return found.version if found else "none"


def _moved(airflow: AirflowApi, model: str, version: str, reason: str, console: Console) -> Promotion:
    # Forced: without it, a version that scores worse on the newest flights is refused.
    run_id = airflow.trigger(dag_of(model), {"version": version, "reason": reason, "force": True})
    wait_for_run(airflow, dag_of(model), run_id)
    found = Examination.model_validate(airflow.result(dag_of(model), run_id, "examine"))
    moved = Promotion.model_validate(airflow.result(dag_of(model), run_id, "roll_back"))
    forced = " It was forced, which the ledger of champions keeps." if found.objections else ""
    console.print(
        f"[bold]{dag_of(model)}: version {moved.version} is champion in place of {moved.previous_version}[/]. "
        f"{escape(found.sentence)}{forced}",
        soft_wrap=True,
        highlight=False,
    )
    return moved
