"""Convert records to the JSON of an XCom, and read the XCom of another task of the same run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from perennial.record import Record


def to_xcom(outcome: Record) -> dict[str, Any]:
    """Return the record's JSON, which its `model_validate` reads back.

    A number that is not finite is sent as text, which pydantic reads back, since Airflow's client refuses it.
    """
    content: dict[str, Any] = _finite(outcome.model_dump(mode="json"))
    return content


def returned_by(task_id: str, of_run: TaskInstanceKey) -> Any:
    """Return the XCom of a task in the run of another task, or None. Used by links, which tasks make when they end.

    Parameters
    ----------
    task_id : str
    of_run : TaskInstanceKey
        Key of any task of the run.
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
