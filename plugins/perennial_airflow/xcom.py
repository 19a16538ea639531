"""Records as the JSON that goes into an XCom, and what a task of the same run has put there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from perennial.record import Record


def to_xcom(outcome: Record) -> dict[str, Any]:
    """Return the outcome's JSON; its `model_validate` takes it back.

    A number that is not finite travels as text, which pydantic reads back: Airflow's client refuses to send one.
    """
    content: dict[str, Any] = _finite(outcome.model_dump(mode="json"))
    return content


def returned_by(task_id: str, of_run: TaskInstanceKey) -> Any:
    """Return what a task has returned in the run of another, None where it has not; for links, which tasks make as they end.

    Parameters
    ----------
    task_id : str
    of_run : TaskInstanceKey
        Of any task of the run.
    """
    from airflow.sdk.execution_time.xcom import XCom

    return XCom.get_one(key=XCom.XCOM_RETURN_KEY, task_id=task_id, dag_id=of_run.dag_id, run_id=of_run.run_id)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
