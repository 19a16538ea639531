"""What Airflow and we send reaches Prometheus through statsd-exporter; every panel and alert finds it there.

Prometheus is real. So is statsd-exporter, where the machine has one; Debian has no package of it, and there a stand-in that
reads the same mapping takes its place. Airflow's own metrics come from a scheduler, DAG processor and triggerer at work.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.statsd_exporter import seconds

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult

FILES = Path(__file__).parents[2] / "deploy" / "observability"
PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
EXPORTER = shutil.which("statsd_exporter") or shutil.which("prometheus-statsd-exporter")

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.integration,
    # An Airflow has to come up, and six DAG runs to end, on whatever machine this is.
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (PROMETHEUS and PROMTOOL),
        reason="NO PROMETHEUS HERE: dashboards and alerts go untested; apt-get install prometheus, and run this again",
    ),
]

# Keeps every state of a task there for a while: one runs, others wait for it to end, one is deferred.
BUSY = """
import time
from datetime import datetime
from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import DAG, task

with DAG("busy", schedule="@once", start_date=datetime(2024, 1, 1), is_paused_upon_creation=False):
    DateTimeSensorAsync(task_id="wait", target_time="2999-01-01T00:00:00+00:00")
    for number in range(20):
        task(task_id=f"sleep_{number}")(lambda: time.sleep(3))()
"""


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that has read the committed files."""

    url: str

    def get(self, path: str, **query: str) -> Any:
        return json.loads(read(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"))["data"]

    def values(self, query: str) -> list[float]:
        return [float(series["value"][1]) for series in self.get("query", query=query)["result"]]

    def series(self, query: str) -> list[dict[str, str]]:
        return [series["metric"] for series in self.get("query", query=query)["result"]]


def read(url: str) -> str:
    """Return a page, past any proxy."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return answer.read().decode()


def send(port: int, line: str) -> None:
    """Send a line of StatsD."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(line.encode(), ("127.0.0.1", port))


@pytest.fixture(scope="module")
def exporter(free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Ports of a statsd-exporter with the committed mapping: of StatsD and of its page."""
    with exporting(
        FILES / "statsd_mapping.yml", (free_port(), free_port()), tmp_path_factory.mktemp("exporter")
    ) as ports:
        yield ports


@contextmanager
def exporting(mapping: Path, ports: tuple[int, int], folder: Path) -> Iterator[tuple[int, int]]:
    """Run a statsd-exporter with a mapping, at ports for StatsD and for its page."""
    udp, web = ports
    program = [EXPORTER] if EXPORTER else [sys.executable, str(Path(__file__).parents[1] / "statsd_exporter.py")]
    arguments = [
        f"--statsd.mapping-config={mapping}",
        f"--statsd.listen-udp=127.0.0.1:{udp}",
        f"--web.listen-address=127.0.0.1:{web}",
        "--statsd.listen-tcp=",
    ]
    with running([*program, *arguments], log=folder / "log"):
        yield ports


@pytest.fixture(scope="module")
def prometheus(
    exporter: tuple[int, int], free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus with the committed configuration, in a hurry and with the address of the test's exporter."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    shutil.copy(FILES / "alerts.yml", folder)
    config = yaml.safe_load((FILES / "prometheus.yml").read_text())
    config["global"] = dict.fromkeys(config["global"], "1s")
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{exporter[1]}"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with running([PROMETHEUS, *arguments, f"--web.listen-address=127.0.0.1:{port}"], log=folder / "log"):
        found = Prometheus(f"http://127.0.0.1:{port}")
        until(lambda: found.values("up") == [1.0], "Prometheus reaches the exporter")
        yield found


def statsd(port: int) -> dict[str, str]:
    """Return the settings that docs/observability.md gives."""
    return {
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(port),
        "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True",
        "AIRFLOW__METRICS__LEGACY_NAMES_ON": "False",
    }


@pytest.fixture(scope="module")
def busy_airflow(
    exporter: tuple[int, int], free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """An Airflow of its own with more tasks than it may run at once."""
    home, port = tmp_path_factory.mktemp("busy"), free_port()
    (home / "dags").mkdir()
    (home / "dags" / "busy.py").write_text(BUSY)
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__SCHEDULER__TI_METRICS_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__POOL_METRICS_INTERVAL": "1",
    }
    # Airflow starts its own programs by name.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | settings | statsd(exporter[0]) | {"PATH": path}
    with running([sys.executable, "-m", "airflow", "standalone"], log=home / "log", environment=environment):
        yield


@pytest.fixture
def sent(
    busy_airflow: None,
    exporter: tuple[int, int],
    champion: Callable[..., None],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a model sends that is trained, watched, found to drift, retrained, and soon after found to drift again."""
    import airflow.observability.stats
    import airflow.sdk.observability.stats
    from airflow.observability.metrics.stats_utils import get_stats_factory

    from perennial_airflow.telemetry.worker_metrics import WorkerUsage

    for name, value in statsd(exporter[0]).items():
        monkeypatch.setenv(name, value)
    # As the scheduler, and the process of a task, do when they start.
    for module in (airflow.observability.stats, airflow.sdk.observability.stats):
        module.initialize(factory=get_stats_factory(), export_legacy_names=False)
    monitoring = {
        "min_rows": 50,
        "require": {"checks": 1, "of": 1},
        "schedule": {"every_minutes": 60},
        "drift": {"effect_floor": 0.1},
        "performance": {"minimum": {"roc_auc": 0.6}, "min_rows": 50},
    }
    # The same model again, on rows that only look different, is good enough: a tolerance lets it through.
    evaluation = {"holdout": {"days": 10}, "primary": "roc_auc", "gates": {"tolerance": 0.2, "min_rows": 50}}
    champion("watched", monitoring=monitoring, evaluation=evaluation, retraining={"cooldown_days": 30})
    land_orders(45, before_drift=40)
    triggered = run_dag("watched.monitor").xcoms["govern"]
    assert triggered["decision"]["outcome"] == "trigger"
    run_dag("watched.retrain", **conf_of("watched", triggered["decision"]["run_id"]))
    land_orders(50, before_drift=40)
    assert run_dag("watched.monitor").xcoms["govern"]["decision"]["outcome"] == "hold"
    WorkerUsage().send("celery@machine")


def test_the_configuration_is_what_prometheus_takes() -> None:
    checked = subprocess.run([PROMTOOL, "check", "config", FILES / "prometheus.yml"], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_fires_where_it_has_to_and_nowhere_else() -> None:
    files = sorted(FILES.glob("alerts*_test.yml"))
    tested = subprocess.run([PROMTOOL, "test", "rules", *files], capture_output=True, text=True)
    alerts = {rule["alert"] for group in alert_groups() for rule in group["rules"] if "alert" in rule}
    fired = {
        wanted["alertname"]
        for file in files
        for case in yaml.safe_load(file.read_text())["tests"]
        for wanted in case["alert_rule_test"]
        if wanted.get("exp_alerts")
    }

    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert fired == alerts


def test_every_panel_and_every_alert_finds_its_metrics(sent: None, prometheus: Prometheus) -> None:
    queries = {f"{uid}: {title}, {legend}": query for uid, title, legend, query in panel_queries()}
    assert len(queries) > 30

    until(
        lambda: not [name for name, query in queries.items() if not prometheus.values(query)],
        lambda: f"data for {[name for name, query in queries.items() if not prometheus.values(query)]}",
    )

    for group in alert_groups():
        for rule in group["rules"]:
            prometheus.values(rule["expr"])  # raises what Prometheus says is wrong
            # No model is gone here.
            for metric in set(re.findall(r"(?:airflow_|perennial:)\w+", rule["expr"])) - {"perennial:gone"}:
                name = rule.get("alert") or rule["record"]
                assert prometheus.series(metric), f"{name} asks for {metric}, which nobody sends"
    ended = prometheus.series('airflow_perennial_retrain_ended{model="watched"}')
    assert {(series["cause"], series["outcome"]) for series in ended} == {("person", "promoted"), ("ks", "promoted")}
    firing = {
        alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"] if alert["state"] == "firing"
    }
    assert firing & {"RetrainingFailed", "BreakerOpen", "SchedulerSilent", "MetricsMissing"} == set()


def test_figures_of_a_worker_end_soon_after_it_and_figures_of_a_model_stay(
    free_port: Callable[[], int], tmp_path: Path
) -> None:
    from perennial_airflow.telemetry.worker_metrics import SECONDS_BETWEEN

    mapping = yaml.safe_load((FILES / "statsd_mapping.yml").read_text())
    [worker] = [rule for rule in mapping["mappings"] if rule["match"] == "airflow.perennial.worker.*"]
    assert 4 * SECONDS_BETWEEN <= seconds(worker["ttl"]) <= 300
    for rule in mapping["mappings"]:
        if "ttl" in rule:
            rule["ttl"] = "2s"
    (tmp_path / "mapping.yml").write_text(yaml.safe_dump(mapping))
    with exporting(tmp_path / "mapping.yml", (free_port(), free_port()), tmp_path) as (udp, web):

        def sent_once() -> bool:
            send(udp, "airflow.perennial.worker.cpu_cores,worker=celery/gone:1|g")
            send(udp, "airflow.perennial.champion.metric,model=orders:0.8|g")
            page = read(f"http://127.0.0.1:{web}/metrics")
            return "airflow_perennial_worker_cpu_cores{" in page and "airflow_perennial_champion_metric{" in page

        until(sent_once, "both figures")
        until(
            lambda: "airflow_perennial_worker_cpu_cores{" not in read(f"http://127.0.0.1:{web}/metrics"),
            "the worker's figure ends",
            60,
        )

        assert "airflow_perennial_champion_metric{" in read(f"http://127.0.0.1:{web}/metrics")


def test_a_model_that_was_only_promoted_can_be_chosen(exporter: tuple[int, int], prometheus: Prometheus) -> None:
    send(exporter[0], "airflow.perennial.champion.metric,model=promoted,metric=roc_auc,rows=holdout:0.8|g")
    [query] = {variable["query"] for board in dashboards() for variable in board["templating"]["list"]}
    # What Grafana makes of it.
    selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()

    until(
        lambda: "promoted" in prometheus.get(f"label/{label}/values", **{"match[]": selector}), "the model in the list"
    )


def alert_groups() -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = yaml.safe_load((FILES / "alerts.yml").read_text())["groups"]
    return groups


def dashboards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((FILES / "grafana" / "dashboards").glob("*.json"))]


def panel_queries() -> Iterator[tuple[str, str, str, str]]:
    """Yield dashboard, panel, legend and query, with what Grafana puts in place of its variables."""
    for dashboard in dashboards():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$model", "watched")
                query = query.replace("$__range", "10m").replace("$__rate_interval", "1m")
                yield dashboard["uid"], panel["title"], target["legendFormat"], query


def conf_of(model: str, run_id: str) -> dict[str, Any]:
    """Return what the monitor gave to the retraining that it triggered, and let that one end: no scheduler runs it here."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.dag_id == f"{model}.retrain", DagRun.run_id == run_id)).one()
        run.state = "success"
        return dict(run.conf)


@contextmanager
def running(command: list[Any], *, log: Path, environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Start a program, and stop it with all that it started at the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def until(holds: Callable[[], bool], what: str | Callable[[], str], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} seconds for {what if isinstance(what, str) else what()}")
        time.sleep(0.5)
