"""A person's answer in a real Airflow: who may give it, and what it does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlflow.tracking import MlflowClient

from tests.distributed.cluster import Cluster
from tests.distributed.models import APPROVED
from tests.distributed.rest import Runs

if TYPE_CHECKING:
    from collections.abc import Iterable

DAG = f"{APPROVED}.retrain"


def test_the_task_waits_without_a_slot_and_only_those_whom_the_spec_names_can_answer(
    cluster: Cluster, operator: Runs
) -> None:
    run_id = operator.start(DAG)
    cluster.wait_until(lambda: _state(operator, run_id) == "awaiting_input", what="the question")
    assert _champion(cluster) is None

    first = _question(cluster, run_id)["body"]
    assert "metrics: promote" in first
    assert "No champion yet." in first
    # Somebody else makes another version champion before anybody has answered.
    registry = MlflowClient(cluster.mlflow_url)
    registry.create_model_version(APPROVED, "s3://elsewhere/model")
    registry.set_registered_model_alias(APPROVED, "champion", "2")
    assert _answers(cluster, run_id, "Seen.", by=("viewer", "operator", "admin")) == [403, 403, 200]
    tasks = operator.end(DAG, run_id)
    assert (tasks["approve"]["state"], tasks["promote"]["state"]) == ("success", "skipped")
    assert _champion(cluster) == "2"

    # So the candidate is judged again, and a new question has the new verdict.
    again = f"against-v2-{run_id}"
    cluster.wait_until(lambda: _state(operator, again) == "awaiting_input", what="the second question")
    asked = _question(cluster, again)
    assert asked["subject"] == f"{APPROVED}: may version 1 become champion?"
    # Version 2 cannot be loaded, and the spec has no minimum to judge by instead.
    assert "metrics: reject" in asked["body"]
    assert "The champion is version 2." in asked["body"]
    assert _answers(cluster, again, "Seen and liked.", by=("admin",)) == [200]

    tasks = operator.end(DAG, again)
    assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(tasks, "success")
    assert _champion(cluster) == "1"
    tags = registry.get_model_version(APPROVED, "1").tags
    assert tags["perennial.approval"] == "approved against gates"
    assert tags["perennial.approval.reason"] == "Seen and liked."
    assert tags["perennial.approval.by"]
    assert tags["perennial.run_id"] == run_id


def _question(cluster: Cluster, run_id: str) -> dict[str, Any]:
    with cluster.client("viewer") as viewer:
        found: dict[str, Any] = viewer.get(_address(run_id)).json()
        return found


def _answers(cluster: Cluster, run_id: str, reason: str, *, by: Iterable[str]) -> list[int]:
    """Let accounts approve, one after another; return the answers' codes."""
    codes = []
    for account in by:
        with cluster.client(account) as client:
            said = {"chosen_options": ["Approve"], "params_input": {"reason": reason}}
            codes.append(client.patch(_address(run_id), json=said).status_code)
    return codes


def _address(run_id: str) -> str:
    return f"/api/v2/dags/{DAG}/dagRuns/{quote(run_id)}/taskInstances/approve/-1/hitlDetails"


def _state(runs: Runs, run_id: str) -> str | None:
    time.sleep(0.5)
    return runs.instances(DAG, run_id).get("approve", {}).get("state")


def _champion(cluster: Cluster) -> str | None:
    model = MlflowClient(cluster.mlflow_url).get_registered_model(APPROVED)
    return model.aliases.get("champion")
