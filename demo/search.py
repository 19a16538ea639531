"""A search of the demo: the question of its model, answered by the best of three estimators."""

from __future__ import annotations

from rich.console import Console

from demo.airflow_api import AirflowApi
from demo.dag_runs import wait_for_dag
from demo.home import USER, Home
from demo.retraining import dag_of, finished_retraining
from perennial.layout import TUNING_PAGE, run_folder
from perennial.models.tuning import Tuning
from perennial.stages import maker

MODEL = "late_flights"


def search_and_train(home: Home, console: Console) -> None:
    """Retrain the model that is searched for; print which trial won, and where all trials are shown.

    Raises
    ------
    DemoError
        The run fails.
    """
    dag_id = dag_of(MODEL)
    console.print(f"{dag_id}: a search over three estimators, two trials at a time ...", soft_wrap=True)
    with AirflowApi(home.airflow_url, user=USER, password=home.password()) as airflow:
        wait_for_dag(airflow, dag_id)
        run_id = airflow.trigger(dag_id, {"reason": "demo: a search"})
        made = finished_retraining(airflow, MODEL, run_id, "after a search")
        found = Tuning.model_validate(airflow.result(dag_id, run_id, maker("tuning").name))
        seconds = airflow.run(dag_id, run_id)["duration"]
    page = run_folder(MODEL, run_id) + TUNING_PAGE.name
    console.print(f"[bold]Search, {seconds:.0f} seconds[/]. {found.sentence} {made.verdict.sentence}", highlight=False)
    console.print(f"Its page: {home.folder}/store/{page}, or with Airflow running", soft_wrap=True)
    console.print(f"          {home.airflow_url}/perennial/reports/{page}", soft_wrap=True)
