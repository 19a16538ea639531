"""Who or what started a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perennial_airflow.evidence import evidence_of


def started_by(context: Mapping[str, Any]) -> str:
    """Return words such as `drift check 12`, `manual by alice` or `scheduled`, from a task's context."""
    dag_run = context["dag_run"]
    check = (evidence_of(dag_run.conf) or {}).get("check")
    if isinstance(check, int):
        return f"drift check {check}"
    how, user = dag_run.run_type.value, dag_run.triggering_user_name
    return f"{how} by {user}" if user else str(how)
