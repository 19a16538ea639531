"""A person's answer in a real Airflow: who may give it, and what it does."""

from __future__ import annotations

import time
from typing import Any

import httpx
from mlflow.tracking import MlflowClient

from tests.distributed.cluster import Cluster
from tests.distributed.models import APPROVED
from tests.distributed.rest import Runs

DAG = f"{APPROVED}.retrain"


def test_the_task_waits_without_a_slot_and_only_those_whom_the_spec_names_can_answer(
    cluster: Cluster, operator: Runs
) -> None:
    run_id = operator.start(DAG)
    cluster.wait_until(lambda: _state(operator, run_id) == "awaiting_input", what="the question")
    assert _champion(cluster) is None

    answer = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    said = {"chosen_options": ["Approve"], "params_input": {"reason": "Seen and liked."}}
    with cluster.client("viewer") as viewer, cluster.client("operator") as other, cluster.client("admin") as admin:
        asked: dict[str, Any] = viewer.get(answer).json()
        assert asked["subject"] == f"{APPROVED}: may version 1 become champion?"
        assert "metrics: promote" in asked["body"]
        codes = [client.patch(answer, json=said).status_code for client in (viewer, other, admin)]
    assert codes == [httpx.codes.FORBIDDEN, httpx.codes.FORBIDDEN, httpx.codes.OK]

    tasks = operator.end(DAG, run_id)
    assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(tasks, "success")
    assert _champion(cluster) == "1"
    tags = MlflowClient(cluster.mlflow_url).get_model_version(APPROVED, "1").tags
    assert tags["perennial.approval"] == "approved"
    assert tags["perennial.approval.reason"] == "Seen and liked."
    assert tags["perennial.approval.by"]


def _state(runs: Runs, run_id: str) -> str | None:
    time.sleep(0.5)
    return runs.instances(DAG, run_id)["approve"]["state"]


def _champion(cluster: Cluster) -> str | None:
    model = MlflowClient(cluster.mlflow_url).get_registered_model(APPROVED)
    return model.aliases.get("champion")
