"""Wall time of a retraining in Airflow, as a ratio to `perennial run` with the same work.

    .venv/bin/python -m bench.overhead

Prints the ratio of the medians. It starts MLflow and Airflow as the demo does, on free ports and in a
folder of its own, lands January and February 2013, and makes a champion; then the two sides take turns.
Each starts without a snapshot, trains, is compared with the same champion on the same rows, and is
registered and rejected, since the same model is not better. Airflow's time is that of the DAG run, from
queued to its end; the other is that of the whole process, from its start to its exit. Airflow is idle while
the other side runs; the share of a core that it uses meanwhile is printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo import flights, services
from demo.airflow_api import AirflowApi
from demo.dag_runs import wait_for_dag, wait_for_run
from demo.home import DAGS, REPOSITORY, USER, Home
from demo.retraining import dag_of
from perennial.spec import load_spec
from perennial.stages import stages_of

DAG_ID = dag_of("flight_delay")
LIMIT = 1.5
REJECTED = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="perennial-overhead-") as folder:
        home = Home(Path(folder), *free_ports())
        home.make_again()
        try:
            ratio = _measure(home, rounds)
        finally:
            services.stop_all(home)
    sys.exit(ratio > LIMIT)


def _measure(home: Home, rounds: int) -> float:
    services.start_all(home)
    for month in (1, 2):
        flights.land(month, home.data)
    # Each run gets another `as_of` after the last flight: so it has the same rows, but nothing to resume.
    moments = (datetime(2013, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=n) for n in range(2 * rounds + 2))
    direct: list[float] = []
    in_airflow: list[float] = []
    with AirflowApi(home.airflow_url, user=USER, password=home.password()) as airflow:
        wait_for_dag(airflow, DAG_ID)
        _direct(home, next(moments), expected=0)
        _in_airflow(airflow, home, next(moments))
        idle = _cpu_share(home)
        for _ in range(rounds):
            direct.append(_direct(home, next(moments), expected=REJECTED))
            in_airflow.append(_in_airflow(airflow, home, next(moments)))
            print(f"  perennial run {direct[-1]:6.1f} s   Airflow {in_airflow[-1]:6.1f} s", flush=True)
    ratio = statistics.median(in_airflow) / statistics.median(direct)
    print(f"Airflow and MLflow, idle, take {idle:.0%} of a core (of {os.cpu_count()})")
    print(
        f"median of {rounds}: perennial run {statistics.median(direct):.1f} s, "
        f"DAG run {statistics.median(in_airflow):.1f} s, ratio {ratio:.2f} (limit {LIMIT})"
    )
    return ratio


def _direct(home: Home, as_of: datetime, *, expected: int) -> float:
    shutil.rmtree(home.folder / "store", ignore_errors=True)
    command = [Path(sys.executable).with_name("perennial"), "run", "flight_delay", "--as-of", as_of.isoformat()]
    began = time.perf_counter()
    done = subprocess.run(command, env=home.environment(), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode != expected:
        sys.exit(f"perennial run ended with {done.returncode}, not {expected}:\n{done.stdout}{done.stderr}")
    return seconds


def _in_airflow(airflow: AirflowApi, home: Home, as_of: datetime) -> float:
    shutil.rmtree(home.folder / "store", ignore_errors=True)
    run_id = airflow.trigger(DAG_ID, {"as_of": as_of.isoformat(), "reason": "bench/overhead.py"})
    wait_for_run(airflow, DAG_ID, run_id)
    run = airflow.run(DAG_ID, run_id)
    spec = load_spec(DAGS / "models" / "flight_delay.yaml")
    states = {task.task_id: task.state for task in airflow.tasks(DAG_ID, run_id)}
    if states != dict.fromkeys(stages_of(spec), "success") | dict.fromkeys(("refit", "package", "promote"), "skipped"):
        sys.exit(f"the DAG run did not do the same work: {states}")
    ended, queued = (datetime.fromisoformat(run[name]) for name in ("end_date", "queued_at"))
    return (ended - queued).total_seconds()


def _cpu_share(home: Home, *, seconds: float = 10) -> float:
    before = _cpu_seconds(home)
    time.sleep(seconds)
    return (_cpu_seconds(home) - before) / seconds


def _cpu_seconds(home: Home) -> float:
    times = [process.cpu_times() for service in services.running(home) for process in service.members()]
    return sum(used.user + used.system for used in times)


def free_ports() -> tuple[int, int]:
    """Return two ports of 127.0.0.1 on which nothing listens."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


if __name__ == "__main__":
    main()
