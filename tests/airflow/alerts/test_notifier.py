"""The notifier is one of Airflow's, tells what any DAG makes of its context, and never raises."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perennial.spec.reading.loader import find_spec

if TYPE_CHECKING:
    from perennial_airflow.alerts.events import Event
    from tests.airflow.alerts.conftest import WebServer

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

WEBHOOK = {"webhook": {"connection": "ops_webhook"}}


def promoted_by_hand(context: Mapping[str, Any]) -> Iterable[Event]:
    from perennial_airflow.alerts.events import Event

    return [Event(name="promoted", model="orders", key=context["run_id"], at=datetime.now(UTC), reason="By hand.")]


def test_another_dags_events_are_told_once_each(
    add_spec: Callable[..., Path], deployment: Path, models: Path, web_server: WebServer, airflow_home: Path
) -> None:
    from airflow.sdk import DAG
    from airflow.sdk.bases.notifier import BaseNotifier

    from perennial_airflow.alerts.notifier import AlertNotifier

    add_spec("orders", alerts={"events": ["promoted"], **WEBHOOK})
    notifier = AlertNotifier(find_spec("orders", models), promoted_by_hand)
    assert isinstance(notifier, BaseNotifier)
    dag = DAG("by_hand", on_success_callback=notifier)

    for run_id in ("run-1", "run-1", "run-2"):
        notifier({"dag": dag, "run_id": run_id})
    copy.deepcopy(notifier)({"dag": dag, "run_id": "run-2"})

    assert [body["name"] for body in web_server.bodies] == ["promoted", "promoted"]
    assert web_server.bodies[0]["reason"] == "By hand."


def test_an_error_is_a_warning_that_does_not_quote_it(
    add_spec: Callable[..., Path], deployment: Path, models: Path, airflow_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.sdk import DAG

    from perennial_airflow.alerts.notifier import AlertNotifier

    def fail(context: Mapping[str, Any]) -> Iterable[Event]:
        raise ValueError("postgresql://me:hush-hush@db")

    add_spec("orders", alerts=WEBHOOK)

    AlertNotifier(find_spec("orders", models), fail)({"dag": DAG("by_hand"), "run_id": "run-1"})

    assert "orders: alerts could not be sent: ValueError" in caplog.text
    assert "hush-hush" not in caplog.text
