"""A search by two tasks of Airflow, compared with Optuna alone in one process: wall time and best score.

    python -m bench.search_in_airflow [--trials N]

The same search as in `bench.search`, done by the DAG: an Airflow of its own with a LocalExecutor, as the demo starts it but with
Airflow's own intervals, and one thread for a fit. Scheduler, API server and MLflow share the cores with the two tasks. Our time
is that of the stage `tune`: from the start of the first of its two tasks to the end of the last. Optuna alone is the plain script
of `bench.search`, while nothing else runs; its time is halved, as if it had two cores.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from configparser import RawConfigParser
from datetime import timedelta
from pathlib import Path

import yaml

# Sets the number of threads, so before the libraries.
from bench.overhead import free_ports
from bench.search import TIME_LIMIT, in_processes, optuna_alone, run_in
from demo import services
from demo.airflow_api import AirflowApi
from demo.dag_runs import wait_for_dag, wait_for_run
from demo.home import USER, Home
from demo.retraining import dag_of
from perennial.data.snapshots.read import load_manifest
from perennial.run import RetrainingRun
from perennial.store import open_store

MODEL = "searched_flights"
DAG_ID = dag_of(MODEL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory(prefix="perennial-search-") as name:
        folder = Path(name)
        run = run_in(folder / "alone", trials)
        home = Home(folder / "home", *free_ports())
        home.make_again()
        lay_out(run, home)
        keep_airflows_intervals(home)
        try:
            ours_s, best, digest = in_airflow(home)
        finally:
            services.stop_all(home)
        store = str(home.folder / "store")
        snapshot = load_manifest(open_store(store), MODEL, digest)
        began = time.monotonic()
        alone = in_processes(1, optuna_alone, run.spec, store, snapshot, trials)
        alone_s = time.monotonic() - began
    slower = ours_s / (alone_s / 2)
    print(f"{trials} trials on {snapshot.rows:,} rows: ours {ours_s:.0f} s, best {best:.4f}")
    print(f"Optuna alone: {alone_s:.0f} s, best {alone[0]:.4f}; ours to half of it {slower:.2f} (limit {TIME_LIMIT})")
    sys.exit(slower > TIME_LIMIT)


def lay_out(run: RetrainingRun, home: Home) -> None:
    """Put spec and rows where this Airflow looks for them; the model is retrained by hand only."""
    spec = run.spec.model_copy(update={"name": MODEL, "schedule": None, "monitoring": None})
    content = spec.model_dump(mode="json", exclude_defaults=True)
    (home.quiet_dags / "models" / f"{MODEL}.yaml").write_text(yaml.safe_dump(content))
    shutil.copytree(run.deployment.data_root, home.data)


def keep_airflows_intervals(home: Home) -> None:
    """Take the demo's short intervals out of the configuration: they are for tasks that take a second."""
    path, settings = home.airflow / "airflow.cfg", RawConfigParser()
    settings.read(path)
    settings.remove_option("scheduler", "scheduler_idle_sleep_time")
    settings.remove_option("workers", "min_heartbeat_interval")
    with path.open("w") as file:
        settings.write(file)


def in_airflow(home: Home) -> tuple[float, float, str]:
    """Retrain in Airflow; return the seconds of the stage `tune`, the best score, and the snapshot's digest."""
    services.start_all(home)
    with AirflowApi(home.airflow_url, user=USER, password=home.password()) as airflow:
        wait_for_dag(airflow, DAG_ID)
        run_id = airflow.trigger(DAG_ID, {"reason": "a benchmark"})
        wait_for_run(airflow, DAG_ID, run_id)
        tune = [task for task in airflow.tasks(DAG_ID, run_id) if task.task_id == "tune"]
        found = airflow.result(DAG_ID, run_id, "choose")
        snapshot = airflow.result(DAG_ID, run_id, "ingest")
    times = [(task.ended - timedelta(seconds=task.seconds), task.ended) for task in tune if task.ended and task.seconds]
    seconds = (max(ended for _, ended in times) - min(began for began, _ in times)).total_seconds()
    return seconds, found["score"], snapshot["digest"]


if __name__ == "__main__":
    main()
