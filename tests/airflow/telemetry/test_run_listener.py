"""How retrainings are counted as they end, and what tasks took."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow._shared.observability.metrics.base_stats_logger import NoStatsLogger

from perennial_airflow.telemetry.run_listener import cause

if TYPE_CHECKING:
    from tests.airflow.conftest import DagRunResult

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]


class Received(NoStatsLogger):
    """A backend of Airflow's metrics that keeps values and tags by name, of all but timers."""

    def __init__(self) -> None:
        self.sent: dict[str, list[tuple[float, dict[str, str]]]] = {}

    def incr(self, stat: str, count: int = 1, rate: float = 1, *, tags: dict[str, str] | None = None, **_: Any) -> None:
        self.sent.setdefault(stat, []).append((count, tags or {}))

    def gauge(self, stat: str, value: float, rate: float = 1, *, tags: dict[str, str] | None = None, **_: Any) -> None:
        self.sent.setdefault(stat, []).append((value, tags or {}))


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Received:
    """What is sent in the scheduler, of which `dag.test()` plays the part, and in the tasks' processes."""
    import airflow._shared.observability.metrics.stats as of_the_scheduler
    import airflow.sdk._shared.observability.metrics.stats as of_tasks

    backend = Received()
    monkeypatch.setattr(of_the_scheduler, "_backend", backend)
    monkeypatch.setattr(of_tasks, "_backend", backend)
    return backend


def ended(model: str, cause: str, outcome: str) -> list[tuple[float, dict[str, str]]]:
    return [(1, {"model": model, "cause": cause, "outcome": outcome})]


@pytest.mark.integration
def test_a_promotion_a_rejection_and_a_dry_run_are_told_apart(
    champion: Callable[..., None], run_dag: Callable[..., DagRunResult], received: Received
) -> None:
    champion("counted")
    assert received.sent.pop("perennial.retrain.ended") == ended("counted", "person", "promoted")

    run_dag("counted.retrain")
    assert received.sent.pop("perennial.retrain.ended") == ended("counted", "person", "rejected")

    run_dag("counted.retrain", dry_run=True)
    assert received.sent.pop("perennial.retrain.ended") == ended("counted", "person", "dry_run")


@pytest.mark.integration
def test_a_failed_retraining_is_counted_once_and_its_tasks_say_what_they_took(
    add_spec: Callable[..., Path],
    land_orders: Callable[..., None],
    run_dag: Callable[..., DagRunResult],
    received: Received,
) -> None:
    add_spec("broken")
    land_orders(40, without_carrier=5)

    run_dag("broken.retrain")

    assert received.sent["perennial.retrain.ended"] == ended("broken", "person", "failed")
    took = {tags["task_id"]: value for value, tags in received.sent["perennial.task.max_rss_bytes"]}
    assert set(took) == {"ingest", "validate"}
    assert all(50e6 < value < 50e9 for value in took.values())
    assert {tags["dag_id"] for _, tags in received.sent["perennial.task.cpu_seconds"]} == {"broken.retrain"}


@pytest.mark.parametrize(
    ("run_type", "conf", "expected"),
    [
        ("scheduled", {}, "schedule"),
        ("manual", None, "person"),
        ("manual", {"evidence": None}, "person"),
        ("asset_triggered", {}, "asset_triggered"),
        ("operator_triggered", {"evidence": {"caused_by": ["page_hinkley", "ks"]}}, "ks/page_hinkley"),
        ("operator_triggered", {"evidence": {"caused_by": []}}, "first"),
        ("manual", {"evidence": {"caused_by": ["ks", "a,b=c|g\nmine:1"]}}, "ks"),
        ("manual", {"evidence": {"caused_by": None}}, "first"),
    ],
)
def test_the_cause_is_a_person_the_schedule_or_names_of_tests(run_type: str, conf: Any, expected: str) -> None:
    assert cause(SimpleNamespace(run_type=run_type, conf=conf)) == expected  # type: ignore[arg-type]
