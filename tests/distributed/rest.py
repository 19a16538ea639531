"""Runs of a cluster, over its REST API."""

from __future__ import annotations

from typing import Any

from demo.airflow_api import AirflowApi
from demo.dag_runs import wait_for_dag, wait_for_run
from tests.distributed.cluster import Cluster


class Runs(AirflowApi):
    """The demo's client, logged in as an account of the cluster, and what the tests ask besides."""

    def __init__(self, cluster: Cluster, account: str) -> None:
        super().__init__(cluster.airflow_url, user=account, password=cluster.passwords[account])

    def start(self, dag_id: str, **conf: Any) -> str:
        """Trigger a run as soon as Airflow has parsed the DAG, and return the run's id."""
        wait_for_dag(self, dag_id)
        return self.trigger(dag_id, conf)

    def end(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Wait for a run's end and return its task instances as Airflow describes them, by task."""
        wait_for_run(self, dag_id, run_id)
        return self.instances(dag_id, run_id)

    def instances(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the task instances of a run, by task; those of a mapped task by name and index, such as `tune[1]`."""
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {
            task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]": task
            for task in found
        }
