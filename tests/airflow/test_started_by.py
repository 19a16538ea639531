"""Who started a run is said in words, whatever its conf holds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from perennial_airflow.started_by import started_by

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("run_type", "user", "conf", "words"),
    [
        ("scheduled", None, {}, "scheduled"),
        ("manual", "alice", None, "manual by alice"),
        ("operator_triggered", None, {"evidence": {"check": 12}}, "drift check 12"),
        ("manual", "alice", {"evidence": "none"}, "manual by alice"),
        ("manual", "alice", {"evidence": {"check": "<b>"}}, "manual by alice"),
        ("manual", "alice", {"evidence": None}, "manual by alice"),
    ],
)
def test_it_is_the_check_the_person_or_the_schedule(run_type: str, user: str | None, conf: Any, words: str) -> None:
    dag_run = SimpleNamespace(run_type=SimpleNamespace(value=run_type), triggering_user_name=user, conf=conf)

    assert started_by({"dag_run": dag_run}) == words
