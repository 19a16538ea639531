"""200 models in the production stack: parsed, scheduled and checked, beside 400 plain DAGs in the same stack.

    .venv/bin/python -m bench.many_models

Needs Docker, .env and the images (`make env up`), and a stack that is down: it brings up one of its own, project
`perennial-bench`, on the same ports, first for our side and then for the plain one, and removes each with its volumes.

Ours has 200 specs with `monitoring` and a champion each, so two DAGs a model; new rows have landed, and all monitoring DAGs
are due at the same minute: each makes a whole check, on the worker. Then each monitoring DAG is triggered once more, with no
new rows: 200 sensors wait in the triggerer, and what that takes is measured. The plain side has 400 DAGs written by hand, with as many
tasks, all EmptyOperators, on the same schedules; the scheduler itself ends those. Times are Airflow's own, from StatsD.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bench.parse import FORM, HAND_WRITTEN, MONITORING_FORM, REPOSITORY
from bench.statsd import Metrics
from demo.airflow_api import AirflowApi
from demo.errors import DemoError

PROJECT = "perennial-bench"
SIDES = {"ours": "/opt/perennial/dags", "plain": "/opt/perennial/dags/models"}
INSIDE = (REPOSITORY / "bench" / "many_models_inside.py").read_text()
LOOP = "airflow.scheduler.scheduler_loop_duration"
PARSING = "airflow.dag_processing.last_duration,"
STATSD_PORT = 9125
FIRST_DAYS, NEW_DAYS = 40, 5
TRAINERS = 2
POLL_S = 3
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
    """The demo's client, and counts."""

    def count(self, path: str) -> int:
        """Return how many entries a list has."""
        return int(self._call("GET", f"/api/v2/{path}")["total_entries"])


class Bench:
    """One side's stack, and its folder of specs or DAGs."""

    def __init__(self, side: str, folder: Path, count: int) -> None:
        self.side, self.folder, self.count = side, folder, count
        self._environment = os.environ | {
            "COMPOSE_FILE": "docker-compose.yaml:bench/many_models.yaml",
            "COMPOSE_PROJECT_NAME": PROJECT,
            "PERENNIAL_SPECS": str(folder),
            "BENCH_DAGS": SIDES[side],
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
        """Run many_models_inside.py in the stack's network."""
        return self.compose("run", "--rm", "--no-deps", "-T", "tools", "python", "-", *arguments, stdin=INSIDE)

    def write(self, due: datetime) -> None:
        """Write the specs, or the plain DAGs, with monitoring due at a minute of the hour."""
        from perennial.spec import ModelSpec
        from perennial_airflow.monitoring_page import monitoring_page
        from perennial_airflow.spec_page import spec_page

        cron = f"{due.minute} * * * *"
        names = [f"orders_{number:03}" for number in range(self.count)]
        texts = {name: SPEC.format(name=name, cron=cron) for name in names}
        if self.side == "ours":
            for name, text in texts.items():
                (self.folder / f"{name}.yaml").write_text(text)
            return
        spec = ModelSpec.model_validate(yaml.safe_load(texts[names[0]]))
        assert spec.monitoring is not None
        pages = {"page": spec_page(spec), "monitoring_page": monitoring_page(spec, spec.monitoring)}
        plain = HAND_WRITTEN.replace('"0 * * * *", timezone="America/New_York"', f'"{cron}", timezone="UTC"')
        plain = plain.replace('"0 6 * * 1", timezone="America/New_York"', '"0 6 1 1 *", timezone="UTC"')
        text = plain.format(names=names, **pages, form=FORM, monitoring_form=MONITORING_FORM)
        (self.folder / "plain.py").write_text(text)

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

    def stats(self) -> dict[str, tuple[str, float]]:
        """Return what each service has of its memory's limit, and takes of a core, in percent."""
        containers = self.compose("ps", "--quiet").split()
        how = "{{.Name}} {{.CPUPerc}} {{.MemUsage}}"
        lines = self._docker("stats", "--no-stream", "--format", how, *containers).splitlines()
        parts = [line.split(" ", 2) for line in lines]
        return {name.split("-", 2)[2]: (memory, float(cpu.rstrip("%"))) for name, cpu, memory in parts}

    @staticmethod
    def _docker(*arguments: str) -> str:
        return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


def measure(bench: Bench, start_minutes: float, most_minutes: float) -> dict[str, Any]:
    """Run one side and return its figures: seconds, milliseconds and counts."""
    bench.compose("down", "--volumes", "--remove-orphans")
    bench.compose("up", "--detach", "--no-build", "--wait", "postgres", "redis", "s3", "mlflow")
    if bench.side == "ours":
        began = time.time()
        bench.train()
        _say(bench, f"{bench.count} champions in {time.time() - began:.0f} s")
    due = (datetime.now(UTC) + timedelta(minutes=start_minutes + 1)).replace(second=0, microsecond=0)
    bench.write(due)
    with bench.metrics() as metrics:
        bench.compose("up", "--detach", "--no-build")
        with bench.api() as api:
            return _watch(bench, api, metrics, due, due + timedelta(minutes=most_minutes))


def _watch(bench: Bench, api: Api, metrics: Metrics, due: datetime, last: datetime) -> dict[str, Any]:
    while api.count("dags") < 2 * bench.count:
        time.sleep(POLL_S)
    parsed = time.time()
    _say(bench, f"{2 * bench.count} DAGs are there {due.timestamp() - parsed:.0f} s before they are due")
    if parsed > due.timestamp():
        raise SystemExit(f"{bench.side}: the DAGs were parsed after they were due: the machine is too busy to measure")
    time.sleep(max(0.0, due.timestamp() - time.time()))
    ended, busy = 0, {}
    while ended < bench.count and time.time() < last.timestamp():
        time.sleep(POLL_S)
        with suppress(DemoError):  # a busy machine answers late
            now = api.count("dags/~/dagRuns?state=success")
            if now // 20 > ended // 20:
                _say(bench, f"{now} runs have ended {time.time() - due.timestamp():.0f} s after they were due")
            ended = now
        busy = busy or (bench.stats() if ended > bench.count // 2 else {})
    end = time.time()
    return {
        "parse": sum(statistics.median(metrics.values(name)) for name in metrics.names() if name.startswith(PARSING)),
        "quiet": metrics.values(LOOP, since=parsed, until=due.timestamp()),
        "due": metrics.values(LOOP, since=due.timestamp(), until=end),
        "ended": ended,
        "failed": api.count("dags/~/dagRuns?state=failed"),
        "seconds": end - due.timestamp(),
        "busy": busy,
        **(_ours(bench, api) if bench.side == "ours" else {}),
    }


def _ours(bench: Bench, api: Api) -> dict[str, Any]:
    """Count the checks, and have all models wait for rows that do not come."""
    checked = json.loads(bench.inside("checked").splitlines()[-1])
    began = time.time()
    for number in range(bench.count):
        api.trigger(f"orders_{number:03}.monitor", {})
    deferred = "dags/~/dagRuns/~/taskInstances?task_id=wait_for_rows&state=deferred"
    while api.count(deferred) < bench.count:
        time.sleep(POLL_S)
    _say(bench, f"{bench.count} sensors wait {time.time() - began:.0f} s after they were triggered")
    time.sleep(SETTLE_S)
    looks = [bench.stats() for _ in range(LOOKS)]
    return {
        "checked": checked,
        "waiting": api.count(deferred),
        "idle": {
            name: (looks[-1][name][0], round(statistics.mean(look[name][1] for look in looks))) for name in looks[-1]
        },
    }


def _say(bench: Bench, what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {bench.side}: {what}", file=sys.stderr, flush=True)


def report(figures: dict[str, dict[str, Any]], count: int) -> None:
    """Print a table."""
    print(f"{'':44}{'ours':>10}{'plain':>10}{'ratio':>8}")

    def line(what: str, of: Callable[[dict[str, Any]], float]) -> None:
        ours, plain = of(figures["ours"]), of(figures["plain"])
        print(f"{what:44}{ours:10.2f}{plain:10.2f}{ours / plain:8.2f}")

    line("parsing all DAG files, s", lambda side: side["parse"])
    for period, when in (("quiet", "nothing due"), ("due", f"{count} due")):
        line(f"scheduler loop, {when}: median, ms", lambda side, period=period: statistics.median(side[period]))
        line(f"scheduler loop, {when}: 95th percentile, ms", lambda side, period=period: _high(side[period]))
        line(f"scheduler loop, {when}: longest, ms", lambda side, period=period: max(side[period]))
    for name, side in figures.items():
        print(f"{name}: {side['ended']} of {count} runs ended, {side['failed']} failed, after {side['seconds']:.0f} s")
    ours = figures["ours"]
    print(f"ours: {ours['checked']}; then {ours['waiting']} of {count} wait for rows")
    for service, (memory, cpu) in ours["idle"].items():
        checking = ours["busy"][service]
        print(f"{service:20} checking: {checking[0]:24} {checking[1]:4.0f}%  waiting: {memory:24} {cpu:4}%")


def _high(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    """Measure both sides and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--specs", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=60, help="at most, until all runs that are due have ended")
    parser.add_argument("--start-minutes", type=float, default=5, help="within which everything is up and parsed")
    options = parser.parse_args()
    if shutil.which("docker") is None:
        raise SystemExit("no Docker here")
    figures = {}
    for side in SIDES:
        with tempfile.TemporaryDirectory() as scratch:
            # The image's user reads it.
            Path(scratch).chmod(0o755)
            bench = Bench(side, Path(scratch), options.specs)
            try:
                figures[side] = measure(bench, options.start_minutes, options.minutes)
            finally:
                bench.compose("down", "--volumes", "--remove-orphans")
    report(figures, options.specs)


if __name__ == "__main__":
    main()
