"""The end of the demo: the year that was replayed with drift triggers is compared with calendars, by the backtest DAG."""

from __future__ import annotations

from rich.console import Console

from demo.airflow_api import AirflowApi
from demo.dag_runs import wait_for_dag, wait_for_run
from demo.home import USER, Home

BATCHES = 12
"""Fewer than the default, so that the demo does not take much longer; each batch is some three weeks of flights."""


def replay_policies(home: Home, model: str, console: Console) -> None:
    """Run the model's backtest DAG; print its sentence, and where its page is.

    Raises
    ------
    DemoError
        The run fails.
    """
    dag_id = f"{model}.backtest"
    console.print(f"{dag_id}: what each policy would have scored, in {BATCHES} batches ...", soft_wrap=True)
    with AirflowApi(home.airflow_url, user=USER, password=home.password()) as airflow:
        wait_for_dag(airflow, dag_id)
        run_id = airflow.trigger(dag_id, {"batches": BATCHES})
        wait_for_run(airflow, dag_id, run_id)
        found = airflow.result(dag_id, run_id, "compare")
        seconds = airflow.run(dag_id, run_id)["duration"]
    page = f"{model}/backtests/{found['replay']}/backtest.html"
    console.print(f"[bold]Backtest, {seconds:.0f} seconds[/]. {found['sentence']}", highlight=False)
    console.print(f"Its page: {home.folder}/store/{page}, or with Airflow running", soft_wrap=True)
    console.print(f"          {home.airflow_url}/perennial/reports/{page}", soft_wrap=True)
