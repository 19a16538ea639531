"""A spec's resources and region reach the tasks; a spec without them has tasks like any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = pytest.mark.airflow

RESOURCES = {"pool": "training", "light_pool": "light", "queue": "large", "priority": 7, "cpu": 2.5, "memory": "4Gi"}
TASKS = [f"tests.{test}" for test in ("ks", "categorical", "predictions", "page_hinkley", "performance", "volume")]
HEAVY = {
    "orders.retrain": {"ingest", "validate", "train", "evaluate", "refit"},
    "orders.monitor": {"open_check", *TASKS},
    "orders.backtest": {"begin", "train", "compare"},
    "orders.rollback": {"examine"},
}
LIGHT = {
    "orders.retrain": {"decide", "register", "promote"},
    "orders.monitor": {"wait_for_rows", "govern", "trigger_retraining", "move_cursor"},
    "orders.backtest": set(),
    "orders.rollback": {"choose", "roll_back"},
}


def placed(bag: DagBag, of: dict[str, set[str]]) -> set[tuple[Any, ...]]:
    """Return the different ways in which the tasks are placed."""
    assert bag.import_errors == {}
    tasks = [bag.dags[dag_id].task_dict[task_id] for dag_id, task_ids in of.items() for task_id in task_ids]
    return {(task.pool, task.queue, task.priority_weight, task.weight_rule) for task in tasks}


def test_heavy_and_light_steps_have_their_pools_and_all_have_queue_and_priority(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(monitoring={}, resources=RESOURCES, region="eu")
    bag = load_dags()

    assert placed(bag, HEAVY) == {("training", "large", 7, "absolute")}
    assert placed(bag, LIGHT) == {("light", "large", 7, "absolute")}
    every_task = {dag_id: {task.task_id for task in dag.tasks} for dag_id, dag in bag.dags.items()}
    assert every_task == {dag_id: HEAVY[dag_id] | LIGHT[dag_id] for dag_id in HEAVY}


def test_without_a_queue_of_its_own_a_model_has_its_regions(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(monitoring={}, region="us-east-1")
    bag = load_dags()

    assert placed(bag, HEAVY) == placed(bag, LIGHT) == {("default_pool", "us-east-1", 1, "absolute")}
    assert all("region:us-east-1" in dag.tags for dag in bag.dags.values())


def test_a_spec_without_either_is_placed_as_airflow_places_any_task(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag]
) -> None:
    add_spec(monitoring={})
    bag = load_dags()

    assert placed(bag, HEAVY) == placed(bag, LIGHT) == {("default_pool", "default", 1, "absolute")}
    assert not any(task.executor_config for dag in bag.dags.values() for task in dag.tasks)


@pytest.mark.parametrize(("queues_of_triggerers", "deferrable"), [("False", False), ("True", True)])
def test_only_a_triggerer_of_the_region_looks_at_its_rows(
    add_spec: Callable[..., Path],
    load_dags: Callable[[], DagBag],
    monkeypatch: pytest.MonkeyPatch,
    queues_of_triggerers: str,
    deferrable: bool,
) -> None:
    monkeypatch.setenv("AIRFLOW__TRIGGERER__QUEUES_ENABLED", queues_of_triggerers)
    add_spec(monitoring={}, region="eu")
    add_spec("returns", monitoring={})
    bag = load_dags()
    of_region, of_none = (bag.dags[f"{model}.monitor"].task_dict["wait_for_rows"] for model in ("orders", "returns"))

    assert (of_region.deferrable, of_region.reschedule or deferrable) == (deferrable, True)
    assert of_none.deferrable


@pytest.mark.parametrize("executor", ["KubernetesExecutor", "CeleryExecutor,KubernetesExecutor"])
def test_a_heavy_steps_pod_survives_serialization(
    add_spec: Callable[..., Path], load_dags: Callable[[], DagBag], monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    add_spec(monitoring={}, resources=RESOURCES)

    for dag_id, dag in load_dags().dags.items():
        again = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
        for task in again.tasks:
            if task.task_id in LIGHT[dag_id]:
                assert not task.executor_config
                continue
            (container,) = task.executor_config["pod_override"].spec.containers
            wanted = {"cpu": "2.5", "memory": "4Gi"}
            assert (container.name, container.resources.requests, container.resources.limits) == (
                "base",
                wanted,
                wanted,
            )


@pytest.mark.parametrize(
    ("executor", "resources", "loaded"),
    [
        ("LocalExecutor", {"cpu": 2}, "False"),
        ("KubernetesExecutor", {}, "False"),
        ("KubernetesExecutor", {"cpu": 2}, "True"),
    ],
)
def test_kubernetes_is_imported_only_for_pods(
    airflow_home: Path, add_spec: Callable[..., Path], executor: str, resources: dict[str, Any], loaded: str
) -> None:
    spec = add_spec(resources=resources)
    code = f"""
import sys
from pathlib import Path
from perennial.spec.reading.loader import load_spec
from perennial_airflow.building.placement import heavy, light, tags, waiting
spec = load_spec(Path({str(spec)!r}))
heavy(spec), light(spec), tags(spec, "retraining"), waiting(spec)
print("kubernetes.client" in sys.modules)
"""
    environment = {**os.environ, "AIRFLOW__CORE__EXECUTOR": executor}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, timeout=120
    )

    assert told.stdout.split()[-1] == loaded
