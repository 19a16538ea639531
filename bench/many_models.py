"""Parse, schedule and watch 200 models on one cluster, and 600 plain DAGs on another.

    .venv/bin/python -m bench.many_models

Each side has its own cluster: PostgreSQL, Redis, CeleryExecutor with two workers, MLflow's server and S3 (see
tests/distributed). Both run at the same time, so that other work on the machine slows both. Ours has 200 specs with
`monitoring`: three DAGs each. The plain side has 600 DAGs written by hand with as many tasks, all EmptyOperators, on the
same schedules. All monitoring DAGs are due at the same minute. Ours then look for rows on the workers and wait in the
triggerer, with one look per minute; the plain ones end, since the scheduler itself ends EmptyOperators. Times are
Airflow's own, from StatsD.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bench.parse import BACKTEST_FORM, FORM, HAND_WRITTEN, MONITORING_FORM, REPOSITORY
from bench.statsd import Metrics
from tests.conftest import S3Server, land_slice, running_s3_server
from tests.distributed.cluster import Cluster, Settings, Worker, running_cluster
from tests.distributed.debian import PACKAGES, missing

FILES = {"ours": ("retraining", "drift_monitoring", "spec_guard"), "plain": ("plain",)}
LOOP = "airflow.scheduler.scheduler_loop_duration"


@contextmanager
def listening() -> Iterator[Metrics]:
    """Listen on a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        listener.bind(("127.0.0.1", 0))
        yield Metrics(listener)


def write_inputs(scratch: Path, count: int, due: datetime) -> None:
    """Write the specs into `models` and the plain DAGs into `plain`, monitoring due at a minute of the hour."""
    from perennial.spec.reading.loader import load_spec
    from perennial_airflow.building.dag_pages import monitoring_page, spec_page

    cron = f"{due.minute} * * * *"
    names = [f"flight_delay_{number:03}" for number in range(count)]
    written = yaml.safe_load((REPOSITORY / "dags" / "models" / "flight_delay.yaml").read_text())
    # The plain DAGs package nothing.
    written = {field: content for field, content in written.items() if field not in ("packages", "rehearsal")}
    written["monitoring"] = written.get("monitoring", {}) | {"schedule": {"cron": cron}}
    # No model has a champion, and none is trained, since 200 trainings would dominate the measurement.
    written["retraining"] = written.get("retraining", {}) | {"first": False}
    for folder in ("models", "plain"):
        (scratch / folder).mkdir()
    for name in names:
        (scratch / "models" / f"{name}.yaml").write_text(yaml.safe_dump(written | {"name": name}))
    spec = load_spec(scratch / "models" / f"{names[0]}.yaml")
    assert spec.monitoring is not None
    page = spec_page(spec)
    pages = {"page": page, "monitoring_page": monitoring_page(spec, spec.monitoring), "backtest_page": page}
    forms = {"form": FORM, "monitoring_form": MONITORING_FORM, "backtest_form": BACKTEST_FORM}
    plain = HAND_WRITTEN.replace('"0 * * * *", timezone="America/New_York"', f'"{cron}", timezone="UTC"')
    text = plain.format(names=names, **pages, **forms)
    (scratch / "plain" / "plain.py").write_text(text)


def measure(side: str, count: int, due: datetime, minutes: float, s3: S3Server) -> dict[str, Any]:
    """Run one side on a cluster and return its figures: seconds, milliseconds and counts."""
    with tempfile.TemporaryDirectory() as folder, listening() as metrics:
        scratch = Path(folder)
        write_inputs(scratch, count, due)
        landing, store, artifacts = (s3.new_bucket() for _ in range(3))
        s3.client().upload_file(str(land_slice(scratch, 1)), landing, "flights/2013-01.parquet")
        environment = {
            **s3.environment,
            "PERENNIAL_DATA": f"s3://{landing}",
            "PERENNIAL_STORE": f"s3://{store}/perennial",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            # The defaults, 30 and 50 seconds, are too short while both sides parse on a busy machine.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "300",
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(metrics.port),
        }
        if side == "plain":
            environment["AIRFLOW__CORE__DAGS_FOLDER"] = str(scratch / "plain")
        workers = {"one": Worker(), "two": Worker()}
        with running_cluster(Settings(scratch / "models", workers, environment, f"s3://{artifacts}")) as cluster:
            return _figures(side, cluster, metrics, count, due, minutes)


def _figures(
    side: str, cluster: Cluster, metrics: Metrics, count: int, due: datetime, minutes: float
) -> dict[str, Any]:
    # The state that a monitoring run reaches: ours waits for rows, a plain one ends.
    settled = {
        "ours": "/api/v2/dags/~/dagRuns/~/taskInstances?task_id=wait_for_rows&state=deferred",
        "plain": "/api/v2/dags/~/dagRuns?state=success",
    }[side]
    with cluster.client("admin") as admin:

        def entries(path: str) -> int:
            return int(admin.get(path).raise_for_status().json()["total_entries"])

        cluster.wait_until(lambda: entries("/api/v2/dags") == 3 * count, what="the last DAG")
        parsed = time.time()
        if parsed > due.timestamp():
            raise RuntimeError(f"{side}: the DAGs were parsed after they were due: the machine is too busy to measure")
        time.sleep(max(0.0, due.timestamp() - time.time()))
        end = due.timestamp() + 60 * minutes
        reached = None
        while time.time() < end:
            if reached is None and entries(settled) >= count:
                reached = time.time() - due.timestamp()
            time.sleep(2)
        return {
            "parse": sum(_parse_seconds(metrics, file) for file in FILES[side]),
            "quiet": metrics.values(LOOP, since=parsed, until=due.timestamp()),
            "due": metrics.values(LOOP, since=due.timestamp(), until=end),
            "settled": entries(settled),
            "reached": reached,
        }


def _parse_seconds(metrics: Metrics, file: str) -> float:
    """Return the median time that the DAG processor took for a file, including its process.

    The timer's values are in seconds, although StatsD's timers are in milliseconds.
    """
    name = f"airflow.dag_processing.last_duration.dags-folder.{file}"
    return statistics.median(metrics.values(name))


def report(figures: dict[str, dict[str, Any]], count: int, minutes: float) -> None:
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
    for name, what in (("ours", "wait for rows"), ("plain", "have ended")):
        side = figures[name]
        when = f"all after {side['reached']:.0f} s" if side["reached"] else f"not all within {minutes:g} minutes"
        print(f"{name}: {side['settled']} of {count} monitoring runs {what}, {when}; {len(side['due'])} loops")


def _high(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    """Measure both sides and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--specs", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=6, help="to watch after the monitoring DAGs were due")
    parser.add_argument(
        "--start-minutes", type=int, default=6, help="within which both clusters have parsed everything"
    )
    options = parser.parse_args()
    if lacking := missing():
        raise SystemExit(f"no {' and no '.join(lacking)} here: apt-get install {PACKAGES}")
    with tempfile.TemporaryDirectory() as folder, running_s3_server(Path(folder)) as s3:
        due = (datetime.now(UTC) + timedelta(minutes=options.start_minutes + 1)).replace(second=0, microsecond=0)
        with ThreadPoolExecutor(len(FILES)) as pool:
            under_way = {side: pool.submit(measure, side, options.specs, due, options.minutes, s3) for side in FILES}
        figures = {side: future.result() for side, future in under_way.items()}
    report(figures, options.specs, options.minutes)


if __name__ == "__main__":
    main()
