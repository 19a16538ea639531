"""Where a model's tasks run: arguments for its operators, from the spec's `resources` and `region`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import conf

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


def heavy(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments of a step that reads rows: pool, queue, priority, and what its pod asks for."""
    return {**_placed(spec, spec.resources.pool), **_pod(spec)}


def light(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments of a step that reads results only."""
    return _placed(spec, spec.resources.light_pool)


def waiting(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments of the sensor, which looks at the source again and again and holds no worker meanwhile.

    It waits in the triggerer, except for a region whose rows a triggerer elsewhere would read: unless Airflow has
    triggerers for queues (`[triggerer] queues_enabled`), the region's own workers look then.
    """
    if spec.region is None or conf.getboolean("triggerer", "queues_enabled", fallback=False):
        return light(spec)
    return {**light(spec), "deferrable": False, "mode": "reschedule"}


def tags(spec: ModelSpec, kind: str) -> list[str]:
    """Return the DAG's tags. By the region's, the API server knows in which store the DAG's reports lie."""
    return sorted({"perennial", kind, *spec.tags, *([REGION_TAG + spec.region] if spec.region else [])})


REGION_TAG = "region:"


def _placed(spec: ModelSpec, pool: str) -> dict[str, Any]:
    resources = spec.resources
    # Absolute: else a task's weight would grow with the number of tasks after it, and outweigh another model's priority.
    placed = {"pool": pool, "priority_weight": resources.priority, "weight_rule": "absolute"}
    queue = resources.queue or spec.region
    return placed | ({"queue": queue} if queue else {})


def _pod(spec: ModelSpec) -> dict[str, Any]:
    wanted = {"cpu": spec.resources.cpu and f"{spec.resources.cpu:g}", "memory": spec.resources.memory}
    wanted = {name: amount for name, amount in wanted.items() if amount}
    if not wanted or "KubernetesExecutor" not in conf.get("core", "executor"):
        return {}
    # Slow to import: only for those who have use for it.
    from kubernetes.client import models as k8s

    resources = k8s.V1ResourceRequirements(requests=wanted, limits=wanted)
    spec_of_pod = k8s.V1PodSpec(containers=[k8s.V1Container(name="base", resources=resources)])
    return {"executor_config": {"pod_override": k8s.V1Pod(spec=spec_of_pod)}}
