"""Many models at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.distributed.cluster import Cluster
from tests.distributed.models import CROWD
from tests.distributed.rest import Runs

HEAVY = ("ingest", "validate", "train", "evaluate", "refit")


def test_three_retrainings_queue_for_two_slots_and_all_end(cluster: Cluster, operator: Runs) -> None:
    runs = {f"{model}.retrain": operator.start(f"{model}.retrain") for model in CROWD}
    tasks = [task for dag_id, run_id in runs.items() for task in operator.end(dag_id, run_id).values()]

    heavy = [task for task in tasks if task["task_id"] in HEAVY]
    light = [task for task in tasks if task["task_id"] not in HEAVY]
    assert {task["state"] for task in tasks} == {"success"}
    assert (len(heavy), {task["pool"] for task in heavy}) == (5 * len(CROWD), {"training"})
    assert {task["pool"] for task in light} == {"light"}
    assert _most_at_once(heavy) == 2
    assert {task["hostname"] for task in heavy} == {"eu", "us"}


def _most_at_once(tasks: list[dict[str, Any]]) -> int:
    """Return how many tasks ran at the same moment; one that ended as another began ran before it."""
    moments = [(datetime.fromisoformat(task["start_date"]), 1) for task in tasks]
    moments += [(datetime.fromisoformat(task["end_date"]), -1) for task in tasks]
    running, most = 0, 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most
