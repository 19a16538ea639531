"""Write Grafana's dashboards: `python -m deploy.observability.dashboards`.

A panel has a title, queries for Prometheus, and a unit; the rest of Grafana's JSON is made here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "grafana" / "dashboards"
DATA_SOURCE = {"type": "prometheus", "uid": "prometheus"}
COLUMNS, WIDTH, HEIGHT = 2, 12, 8


@dataclass(frozen=True)
class Panel:
    """A graph over time.

    Attributes
    ----------
    title : str
    queries : dict
        Legend -> PromQL. `$model` is the selected model.
    unit : str
        Unit in Grafana's terms.
    description : str
    """

    title: str
    queries: dict[str, str]
    unit: str = "short"
    description: str = ""

    def json(self, number: int) -> dict[str, Any]:
        """Return Grafana's form of the panel, at its place in the grid."""
        return {
            "id": number + 1,
            "type": "timeseries",
            "title": self.title,
            "description": self.description,
            "datasource": DATA_SOURCE,
            "gridPos": {
                "x": number % COLUMNS * WIDTH,
                "y": number // COLUMNS * HEIGHT,
                "w": WIDTH,
                "h": HEIGHT,
            },
            "fieldConfig": {"defaults": {"unit": self.unit}, "overrides": []},
            "targets": [
                {"refId": chr(ord("A") + index), "datasource": DATA_SOURCE, "expr": query, "legendFormat": legend}
                for index, (legend, query) in enumerate(self.queries.items())
            ],
        }


MODEL = (
    Panel(
        "Champion's primary metric",
        {
            "{{metric}}, {{rows}} rows": 'airflow_perennial_champion_metric{model=~"$model"}',
            "floor of {{metric}}": 'airflow_perennial_champion_floor{model=~"$model"}',
        },
        description="On rows whose labels have matured, at each check; on the held-out rows, at its promotion.",
    ),
    Panel(
        "Champion past a floor",
        {"{{model}}": 'airflow_perennial_champion_under_floor{model=~"$model"}'},
        description="1: in the last check even the better end of the interval was past a floor.",
    ),
    Panel(
        "Largest effect of a column (D)",
        {
            "{{test}}": 'airflow_perennial_drift_statistic{model=~"$model", test=~"ks|categorical|predictions"}',
        },
        description="ks: the largest D of Kolmogorov-Smirnov; categorical: the share of rows with another category.",
    ),
    Panel(
        "Page-Hinkley over its threshold",
        {"{{model}}": 'airflow_perennial_drift_statistic{model=~"$model", test="page_hinkley"}'},
        description="The detector fires at 1.",
    ),
    Panel(
        "Checks by decision",
        {"{{decision}}": 'sum by (decision) (airflow_perennial_drift_checks{model=~"$model"})'},
        description="Counted since statsd-exporter was started.",
    ),
    Panel(
        "Tests that fired",
        {"{{test}}": 'sum by (test) (airflow_perennial_drift_fired{model=~"$model"})'},
        description="Counted since statsd-exporter was started.",
    ),
    Panel(
        "Retrainings by cause and outcome",
        {"{{cause}}: {{outcome}}": 'sum by (cause, outcome) (airflow_perennial_retrain_ended{model=~"$model"})'},
        description="Counted since statsd-exporter was started.",
    ),
    Panel(
        "From drift to champion",
        {"{{model}}": 'airflow_perennial_retrain_seconds_to_champion{model=~"$model"}'},
        unit="s",
        description="From the opening of the check that found drift to the promotion.",
    ),
    Panel(
        "Retrainings held back",
        {
            "{{decision}}": 'sum by (decision) (airflow_perennial_retrain_held{model=~"$model"})',
            "breaker open": 'max(airflow_perennial_retrain_breaker_open{model=~"$model"})',
        },
    ),
    Panel(
        "Rows of a check",
        {"{{model}}": 'airflow_perennial_drift_rows{model=~"$model"}'},
    ),
    Panel(
        "Since the last look and check",
        {
            "look: {{model}}": 'time() - airflow_perennial_monitor_last_look{model=~"$model"}',
            "check: {{model}}": 'time() - airflow_perennial_drift_last_check{model=~"$model"}',
        },
        unit="s",
        description="A look finds out whether there are enough rows; a check tests them.",
    ),
    Panel(
        "Memory of tasks",
        {"{{task_id}}": 'airflow_perennial_task_max_rss_bytes{dag_id=~"($model)\\\\.(retrain|monitor)"}'},
        unit="bytes",
        description="Peak memory in the last run. Curves of CPU and memory of a training are in its MLflow run.",
    ),
    Panel(
        "CPU of tasks",
        {"{{task_id}}": 'airflow_perennial_task_cpu_seconds{dag_id=~"($model)\\\\.(retrain|monitor)"}'},
        unit="s",
        description="Sum over all cores, in the last run.",
    ),
    Panel(
        "Duration of tasks",
        {
            "{{task_id}}": (
                'sum by (task_id) (rate(airflow_task_duration_sum{dag_id=~"($model)\\\\.(retrain|monitor)"}[$__range]))'
                ' / sum by (task_id) (rate(airflow_task_duration_count{dag_id=~"($model)\\\\.(retrain|monitor)"}[$__range]))'
            )
        },
        unit="s",
        description="Average over the displayed time.",
    ),
)

PLATFORM = (
    Panel(
        "Tasks by queue and state",
        {
            "{{queue}}: queued": "sum by (queue) (airflow_ti_queued)",
            "{{queue}}: running": "sum by (queue) (airflow_ti_running)",
            "{{queue}}: deferred": "sum by (queue) (airflow_ti_deferred)",
        },
        description="Queued: waiting for a worker of the queue.",
    ),
    Panel(
        "Pools",
        {
            "{{pool_name}}: running": "airflow_pool_running_slots",
            "{{pool_name}}: waiting": "airflow_pool_queued_slots + airflow_pool_scheduled_slots",
            "{{pool_name}}: free": "airflow_pool_open_slots",
        },
        description="Slots. Waiting: scheduled, or queued for a worker.",
    ),
    Panel(
        "Executor",
        {
            "{{executor_class_name}}: queued": "airflow_executor_queued_tasks",
            "{{executor_class_name}}: running": "airflow_executor_running_tasks",
        },
    ),
    Panel(
        "CPU of workers",
        {"{{worker}}": "airflow_perennial_worker_cpu_cores"},
        description="Cores used by a worker and its tasks.",
    ),
    Panel("Memory of workers", {"{{worker}}": "airflow_perennial_worker_memory_bytes"}, unit="bytes"),
    Panel(
        "Duration of tasks",
        {
            "{{task_id}}": (
                "sum by (task_id) (rate(airflow_task_duration_sum[$__range]))"
                " / sum by (task_id) (rate(airflow_task_duration_count[$__range]))"
            )
        },
        unit="s",
        description="Average over all DAGs and the displayed time.",
    ),
    Panel(
        "Waiting for a slot",
        {
            "{{task_id}}": (
                "sum by (task_id) (rate(airflow_task_scheduled_duration_sum[$__range]))"
                " / sum by (task_id) (rate(airflow_task_scheduled_duration_count[$__range]))"
            )
        },
        unit="s",
        description="Slots of the pool and the executor; average over the displayed time.",
    ),
    Panel(
        "Tasks ended",
        {"{{state}}": "sum by (state) (increase(airflow_ti_finish[$__rate_interval]))"},
    ),
    Panel(
        "Scheduler's loop",
        {
            "median": 'max(airflow_scheduler_scheduler_loop_duration{quantile="0.5"})',
            "95 of 100": 'max(airflow_scheduler_scheduler_loop_duration{quantile="0.95"})',
        },
        unit="s",
    ),
    Panel(
        "Parsing",
        {"all files": "airflow_dag_processing_total_parse_time"},
        unit="s",
    ),
    Panel("Import errors", {"DAG files": "airflow_dag_processing_import_errors"}),
    Panel(
        "Heartbeats a minute",
        {
            "scheduler": "60 * rate(airflow_scheduler_heartbeat[$__rate_interval])",
            "DAG processor": "60 * rate(airflow_dag_processor_heartbeat[$__rate_interval])",
            "triggerer": "60 * rate(airflow_triggerer_heartbeat[$__rate_interval])",
        },
    ),
)

MODEL_VARIABLE = {
    "name": "model",
    "label": "Model",
    "type": "query",
    "datasource": DATA_SOURCE,
    # Any metric: a model that was promoted and never checked has other metrics than one without rows.
    "query": 'label_values({__name__=~"airflow_perennial_.+"}, model)',
    "refresh": 2,
    "sort": 1,
    "includeAll": False,
}

DASHBOARDS: dict[str, tuple[str, tuple[Panel, ...], list[dict[str, Any]]]] = {
    "perennial_model": ("Perennial: a model", MODEL, [MODEL_VARIABLE]),
    "perennial_platform": ("Perennial: Airflow and its workers", PLATFORM, []),
}


def dashboard(uid: str) -> str:
    """Return a dashboard as Grafana reads it."""
    title, panels, variables = DASHBOARDS[uid]
    content = {
        "uid": uid,
        "title": title,
        "tags": ["perennial"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "templating": {"list": variables},
        "panels": [panel.json(number) for number, panel in enumerate(panels)],
    }
    return json.dumps(content, indent=2) + "\n"


if __name__ == "__main__":
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(dashboard(name))
