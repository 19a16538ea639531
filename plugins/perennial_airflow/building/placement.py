"""Where a model's tasks run: arguments for its operators, from the spec's `resources` and `region`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import conf

if TYPE_CHECKING:
    from perennial.spec import ModelSpec


def heavy(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments of a step that reads rows: pool, queue, priority, and its pod's requests."""
    return {**_placed(spec, spec.resources.pool), **_pod(spec)}


def light(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments of a step that reads only records."""
    return _placed(spec, spec.resources.light_pool)


def waiting(spec: ModelSpec) -> dict[str, Any]:
    """Return the arguments of the sensor, which looks at the source repeatedly without occupying a worker.

    It waits in the triggerer. For a spec with a region, a triggerer elsewhere would read the region's rows: unless
    Airflow has triggerers for queues (`[triggerer] queues_enabled`), the region's own workers look at the source
    instead.
    """
    if spec.region is None or conf.getboolean("triggerer", "queues_enabled", fallback=False):
        return light(spec)
    return {**light(spec), "deferrable": False, "mode": "reschedule"}


def tags(spec: ModelSpec, kind: str) -> list[str]:
    """Return the DAG's tags. The API server finds the store of the DAG's reports by the region's tag."""
    return sorted({"perennial", kind, *spec.tags, *([REGION_TAG + spec.region] if spec.region else [])})


REGION_TAG = "region:"


def _placed(spec: ModelSpec, pool: str) -> dict[str, Any]:
    resources = spec.resources
    # Absolute: otherwise a task's weight includes that of all later tasks, and may exceed another model's priority.
    placed = {"pool": pool, "priority_weight": resources.priority, "weight_rule": "absolute"}
    queue = resources.queue or spec.region
    return placed | ({"queue": queue} if queue else {})


def _pod(spec: ModelSpec) -> dict[str, Any]:
    wanted = {"cpu": spec.resources.cpu and f"{spec.resources.cpu:g}", "memory": spec.resources.memory}
    wanted = {name: amount for name, amount in wanted.items() if amount}
    if not wanted or "KubernetesExecutor" not in conf.get("core", "executor"):
        return {}
    # Slow to import, so imported only if it is needed.
    from kubernetes.client import models as k8s

    resources = k8s.V1ResourceRequirements(requests=wanted, limits=wanted)
    spec_of_pod = k8s.V1PodSpec(containers=[k8s.V1Container(name="base", resources=resources)])
    return {"executor_config": {"pod_override": k8s.V1Pod(spec=spec_of_pod)}}
