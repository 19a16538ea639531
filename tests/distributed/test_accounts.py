"""Who may do what, as Airflow's REST API answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.distributed.cluster import Cluster
from tests.distributed.models import CROWD

DAG = "/api/v2/dags/eu_orders.retrain"
RUN = {"logical_date": None, "conf": {"dry_run": True}}
CLEAR = {"dry_run": True, "only_failed": False}
# Approvals are answers to tasks that wait for a person. No such task is there: who may answer finds none.
ANSWER = f"{DAG}/dagRuns/none/taskInstances/promote/-1/hitlDetails"
APPROVE: dict[str, Any] = {"chosen_options": ["Approve"], "params_input": {}}
ADMINISTRATION = [
    ("/api/v2/pools", {"name": "mine", "slots": 1}),
    ("/api/v2/connections", {"connection_id": "mine", "conn_type": "http"}),
    ("/api/v2/variables", {"key": "mine", "value": "1"}),
    (
        "/auth/fab/v1/users",
        {"username": "eve", "email": "e@example.org", "first_name": "E", "last_name": "Eve", "password": "x"},
    ),
]


@pytest.fixture
def viewer(cluster: Cluster) -> Iterator[httpx.Client]:
    with cluster.client("viewer") as client:
        yield client


@pytest.fixture
def operator(cluster: Cluster) -> Iterator[httpx.Client]:
    with cluster.client("operator") as client:
        yield client


@pytest.fixture(autouse=True)
def parsed(cluster: Cluster, viewer: httpx.Client) -> None:
    cluster.wait_until(lambda: viewer.get(DAG).is_success, what=DAG)


def test_a_viewer_sees_everything_that_is_done_with_models(viewer: httpx.Client) -> None:
    paths = ["/api/v2/dags", DAG, f"{DAG}/details", f"{DAG}/dagRuns", "/api/v2/pools", "/api/v2/assets"]

    assert {path: viewer.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_a_viewer_changes_nothing(viewer: httpx.Client) -> None:
    answers = {
        "trigger": viewer.post(f"{DAG}/dagRuns", json=RUN),
        "unpause": viewer.patch(DAG, json={"is_paused": False}),
        "clear": viewer.post(f"{DAG}/clearTaskInstances", json=CLEAR),
        "approve": viewer.patch(ANSWER, json=APPROVE),
        **{path: viewer.post(path, json=body) for path, body in ADMINISTRATION},
    }

    assert {what: answer.status_code for what, answer in answers.items()} == dict.fromkeys(answers, 403)
    assert viewer.get(f"{DAG}/dagRuns").json()["total_entries"] == 0


def test_an_operator_triggers_clears_and_approves(operator: httpx.Client) -> None:
    path = f"/api/v2/dags/{CROWD[0]}.retrain"

    triggered = operator.post(f"{path}/dagRuns", json=RUN)  # paused: it waits, and is taken away again
    removed = operator.delete(f"{path}/dagRuns/{triggered.json()['dag_run_id']}")

    assert (triggered.status_code, triggered.json()["triggering_user_name"]) == (200, "operator")
    assert removed.status_code == 204
    assert operator.post(f"{path}/clearTaskInstances", json=CLEAR).status_code == 200
    assert operator.patch(ANSWER, json=APPROVE).status_code == 404


def test_an_operator_administers_nothing(operator: httpx.Client) -> None:
    answers = {path: operator.post(path, json=body).status_code for path, body in ADMINISTRATION}

    assert answers == dict.fromkeys(answers, 403)


def test_without_a_login_nothing_is_shown(cluster: Cluster) -> None:
    for path in (DAG, "/perennial/reports/eu_orders/runs/none/data_docs.html"):
        assert httpx.get(cluster.airflow_url + path, trust_env=False).status_code == 401
