"""By whom or what a run was started, as Airflow says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def started_by(context: Mapping[str, Any]) -> str:
    """Return words such as `manual by alice` or `scheduled`, from a task's context."""
    dag_run = context["dag_run"]
    how, user = dag_run.run_type.value, dag_run.triggering_user_name
    return f"{how} by {user}" if user else str(how)
