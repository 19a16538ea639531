"""Where a model's tasks run, and how much CPU and memory they may use."""

from __future__ import annotations

from pydantic import Field

from perennial.spec.patterns import QUANTITY
from perennial.spec.section import AirflowName, Number, Section, Whole


class Resources(Section):
    """Airflow's pools, queue and priority, and the requests of pods.

    The heavy steps read rows: ingest, validate, train, evaluate, the opening of a check and its tests.
    """

    pool: AirflowName = "default_pool"
    """Airflow pool of the heavy steps, such as `training`: its slots limit how many run at once, over all models."""
    light_pool: AirflowName = "default_pool"
    """Pool of the other steps, such as `light`, so that a verdict does not wait for another model's training."""
    queue: AirflowName | None = None
    """Queue whose workers run the tasks; default: the region's, else Airflow's default queue."""
    priority: Whole = Field(default=1, ge=1, le=1000)
    """Of tasks that wait for a slot, the one with the higher number starts first."""
    cpu: Number | None = Field(default=None, ge=0.001, le=10_000)
    """Cores of a heavy step's pod, under the KubernetesExecutor."""
    memory: str | None = Field(default=None, pattern=QUANTITY)
    """Memory of a heavy step's pod, such as `4Gi`, under the KubernetesExecutor."""
