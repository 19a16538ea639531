"""Run a check's steps as tasks would. Started by test_monitoring_crash.py.

An order has "step" ("open", the name of a check, "decide" or "close"), "as_of", "active" and "arguments".
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from killed_process import Order, obey

from perennial.deployment import Deployment
from perennial.monitoring import steps
from perennial.monitoring.records import DriftTestResult, LedgerEntry, OpenCheck
from perennial.run import MonitorRun
from perennial.spec.reading.loader import load_spec
from perennial.store import open_store
from perennial_airflow.startup.preload import import_all, modules_of_tasks


def run_step(settings: dict[str, str], order: Order) -> Any:
    """Run one step and return its outcome."""
    run = MonitorRun(
        spec=load_spec(Path(settings["spec"])),
        deployment=Deployment(
            store=open_store(settings["store"]),
            tracking_uri=settings["tracking_uri"],
            data_root=Path(settings["data_root"]),
        ),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        as_of=datetime.fromisoformat(order["as_of"]),
        active=tuple(order["active"]),
        was_started=lambda _: True,
    )
    return _step(run, order["step"], order["arguments"]).model_dump(mode="json")


def _step(run: MonitorRun, step: str, arguments: list[Any]) -> Any:
    if step == "open":
        return steps.open_check(run)
    if step == "close":
        return steps.close_check(run, LedgerEntry.model_validate(arguments[0]))
    check = OpenCheck.model_validate(arguments[0])
    if step == "decide":
        return steps.decide(run, check, [DriftTestResult.model_validate(result) for result in arguments[1]])
    return steps.make_test(steps.CheckReader(run), check, step)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    import_all(modules_of_tasks())
    obey(lambda order: run_step(given, order), Path(given["answer"]))
