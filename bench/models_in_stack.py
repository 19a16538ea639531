"""200 models in the production stack: parsed, scheduled, checked, and then waiting for rows.

    .venv/bin/python -m bench.models_in_stack

Needs Docker, .env and the image (`make env up down`). It brings up a separate stack, project `perennial-bench`, and
removes it with its volumes; AIRFLOW_PORT and MLFLOW_PORT change its ports.

Each of 200 specs with `monitoring` gets a champion, new rows land, and all monitoring DAGs are due at the same minute:
each prepares its champion's reference and makes a whole check, on one worker. Then each monitoring DAG is triggered
once more, without new rows: 200 sensors wait in the triggerer, and CPU and memory are measured. Times are Airflow's
own, from StatsD. many_models.py compares with plain DAGs, without Docker.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.parse import REPOSITORY
from bench.statsd import Metrics
from demo.airflow_api import AirflowApi
from demo.errors import DemoError

PROJECT = "perennial-bench"
INSIDE = (REPOSITORY / "bench" / "models_in_stack_inside.py").read_text()
LOOP = "airflow.scheduler.scheduler_loop_duration"
PARSING = "airflow.dag_processing.last_duration,"
STATSD_PORT = 9125
FIRST_DAYS, NEW_DAYS = 40, 5
TRAINERS = 2
POLL_S = 3
FAILED_RUNS = "dags/~/dagRuns?state=failed"
DEFERRED = "dags/~/dagRuns/~/taskInstances?task_id=wait_for_rows&state=deferred"
# Each sensor looks once a minute.
SETTLE_S, LOOKS = 120, 30
SPEC = """
name: {name}
description: Whether an order is late.
task: classification
resources: {{pool: training, light_pool: light}}
source: {{uri: "s3://landing/orders/", format: csv, event_time: ordered_at, window: {{days: 60}}}}
target: {{column: late}}
features: {{numeric: [items]}}
model: {{estimator: sklearn.linear_model.LogisticRegression, seed: 1}}
evaluation: {{holdout: {{days: 7}}, primary: roc_auc, gates: {{tolerance: 1.0, min_rows: 50}}}}
schedule: {{cron: "0 6 1 1 *", time_zone: UTC}}
monitoring: {{schedule: {{cron: "{cron}", time_zone: UTC}}, min_rows: 50}}
"""


class Api(AirflowApi):
    """The demo's client with counts."""

    def count(self, path: str) -> int:
        """Return how many entries a list has."""
        return int(self._call("GET", f"/api/v2/{path}")["total_entries"])


class Bench:
    """The stack, and its folder of specs."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count
        self._environment = os.environ | {
            "COMPOSE_FILE": "docker-compose.yaml:bench/models_in_stack.yaml",
            "COMPOSE_PROJECT_NAME": PROJECT,
            "PERENNIAL_SPECS": str(folder),
        }

    def compose(self, *arguments: str, stdin: str | None = None) -> str:
        """Run docker compose and return what it prints."""
        done = subprocess.run(
            ["docker", "compose", *arguments], env=self._environment, input=stdin, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"docker compose {' '.join(arguments)}:\n{done.stderr.strip()[-1500:]}")
        return done.stdout

    def inside(self, *arguments: str) -> str:
        """Run models_in_stack_inside.py in the stack's network."""
        return self.compose("run", "--rm", "--no-deps", "-T", "tools", "python", "-", *arguments, stdin=INSIDE)

    def write(self, due: datetime) -> None:
        """Write the specs, with monitoring due at a minute of the hour."""
        for number in range(self.count):
            name = f"orders_{number:03}"
            (self.folder / f"{name}.yaml").write_text(SPEC.format(name=name, cron=f"{due.minute} * * * *"))

    def train(self) -> None:
        """Land orders, make a champion of each model, and land those that are to be checked."""
        self.write(datetime.now(UTC))
        self.inside("land", "0", str(FIRST_DAYS))
        with ThreadPoolExecutor(TRAINERS) as pool:
            list(pool.map(lambda number: self.inside("train", str(number), str(TRAINERS)), range(TRAINERS)))
        self.inside("land", str(FIRST_DAYS), str(NEW_DAYS))

    @contextmanager
    def metrics(self) -> Iterator[Metrics]:
        """Listen where the containers reach this machine: at the gateway of their network."""
        network = json.loads(self._docker("network", "inspect", f"{PROJECT}_inside"))[0]
        gateway = network["IPAM"]["Config"][0]["Gateway"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            listener.bind((gateway, STATSD_PORT))
            self._environment["STATSD_HOST"] = gateway
            yield Metrics(listener)

    @contextmanager
    def api(self) -> Iterator[Api]:
        """Log in as the operator."""
        services = json.loads(self.compose("config", "--format", "json"))["services"]
        port = services["api-server"]["ports"][0]["published"]
        password = services["airflow-init"]["environment"]["OPERATOR_PASSWORD"]
        with Api(f"http://127.0.0.1:{port}", user="operator", password=password) as api:
            yield api

    def print_stats(self, looks: int) -> None:
        """Print each service's memory with its limit, and its average CPU over several looks, in percent of a core."""
        containers = self.compose("ps", "--quiet").split()
        how, percent, memory = "{{.Name}} {{.CPUPerc}} {{.MemUsage}}", defaultdict(list), {}
        for _ in range(looks):
            for line in self._docker("stats", "--no-stream", "--format", how, *containers).splitlines():
                name, cpu, memory[name] = line.split(" ", 2)
                percent[name].append(float(cpu.rstrip("%")))
        for name, values in percent.items():
            print(f"{name:40} {memory[name]:24} {statistics.mean(values):4.0f}%", flush=True)

    @staticmethod
    def _docker(*arguments: str) -> str:
        return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


def measure(bench: Bench, start_minutes: float, most_minutes: float) -> None:
    """Bring the stack up with its models, watch the checks and the waiting, and print the measurements."""
    bench.compose("down", "--volumes", "--remove-orphans")
    bench.compose("up", "--detach", "--no-build", "--wait", "postgres", "redis", "s3", "mlflow")
    began = time.time()
    bench.train()
    _say(f"{bench.count} champions in {time.time() - began:.0f} s")
    due = (datetime.now(UTC) + timedelta(minutes=start_minutes + 1)).replace(second=0, microsecond=0)
    bench.write(due)
    with bench.metrics() as metrics:
        bench.compose("up", "--detach", "--no-build")
        with bench.api() as api:
            parsed = _parsed(bench, api, due)
            ended = _checked(bench, api, due, due + timedelta(minutes=most_minutes))
            _say(f"parsing all DAG files: {sum(map(_median_of(metrics), _parsings(metrics))):.1f} s")
            _say(f"scheduler loop, nothing due: {_loops(metrics, parsed, due.timestamp())}")
            _say(f"scheduler loop, {bench.count} due: {_loops(metrics, due.timestamp(), ended)}")
            _say(f"checked: {bench.inside('checked').splitlines()[-1]}")
            waits = time.time()
            _wait_for_rows(bench, api)
            _say(f"scheduler loop, {bench.count} waiting: {_loops(metrics, waits, time.time())}")


def _parsed(bench: Bench, api: Api, due: datetime) -> float:
    while api.count("dags") < 3 * bench.count:
        time.sleep(POLL_S)
    parsed = time.time()
    _say(f"{3 * bench.count} DAGs are there {due.timestamp() - parsed:.0f} s before they are due")
    if parsed > due.timestamp():
        raise SystemExit("the DAGs were parsed after they were due: the machine is too busy to measure")
    time.sleep(max(0.0, due.timestamp() - time.time()))
    return parsed


def _checked(bench: Bench, api: Api, due: datetime, last: datetime) -> float:
    """Wait until all runs have ended; print their number, and CPU and memory of the services half-way."""
    ended = 0
    while ended < bench.count and time.time() < last.timestamp():
        time.sleep(POLL_S)
        with suppress(DemoError):  # a busy machine may answer late
            now = api.count("dags/~/dagRuns?state=success")
            if now // 20 > ended // 20:
                _say(f"{now} checks after {time.time() - due.timestamp():.0f} s; {api.count(FAILED_RUNS)} failed")
            if now >= bench.count // 2 > ended:
                bench.print_stats(1)
            ended = now
    return time.time()


def _wait_for_rows(bench: Bench, api: Api) -> None:
    """Have all models wait for rows that do not come."""
    began = time.time()
    for number in range(bench.count):
        api.trigger(f"orders_{number:03}.monitor", {})
    while api.count(DEFERRED) < bench.count:
        time.sleep(POLL_S)
    _say(f"{bench.count} sensors wait {time.time() - began:.0f} s after they were triggered")
    time.sleep(SETTLE_S)
    bench.print_stats(LOOKS)
    _say(f"{api.count(DEFERRED)} sensors still wait")


def _parsings(metrics: Metrics) -> list[str]:
    return [name for name in metrics.names() if name.startswith(PARSING)]


def _median_of(metrics: Metrics) -> Callable[[str], float]:
    return lambda name: statistics.median(metrics.values(name))


def _loops(metrics: Metrics, since: float, until: float) -> str:
    values = metrics.values(LOOP, since=since, until=until)
    high = statistics.quantiles(values, n=20)[-1]
    return f"median {statistics.median(values):.0f} ms, 95th percentile {high:.0f}, longest {max(values):.0f}"


def _say(what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {what}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--specs", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=60, help="longest wait until all runs that are due have ended")
    parser.add_argument("--start-minutes", type=float, default=5, help="time until everything is up and parsed")
    options = parser.parse_args()
    if shutil.which("docker") is None:
        raise SystemExit("no Docker here")
    with tempfile.TemporaryDirectory() as scratch:
        # The image's user reads it.
        Path(scratch).chmod(0o755)
        bench = Bench(Path(scratch), options.specs)
        try:
            measure(bench, options.start_minutes, options.minutes)
        finally:
            bench.compose("down", "--volumes", "--remove-orphans")


if __name__ == "__main__":
    main()
