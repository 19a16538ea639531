"""Run a retraining's stages as tasks would. Started by test_crash.py; an order has "stage" and "arguments"."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from killed_process import Order, obey

from perennial.deployment import Deployment, PackageIndex
from perennial.run import RetrainingRun
from perennial.spec.reading.loader import load_spec
from perennial.stages import STAGES, maker
from perennial.store import open_store
from perennial_airflow.startup.preload import import_all, modules_of_tasks


def run_stage(settings: dict[str, str], order: Order) -> Any:
    """Run one stage and return its outcome."""
    run = RetrainingRun(
        spec=load_spec(Path(settings["spec"])),
        deployment=Deployment(
            store=open_store(settings["store"]),
            tracking_uri=settings["tracking_uri"],
            data_root=Path(settings["data_root"]),
            package_index=PackageIndex(settings["index"], "worker", "password") if "index" in settings else None,
        ),
        run_id=settings["run_id"],
        now=datetime(2026, 1, 1, tzinfo=UTC),
        reason="crash test",
        triggered_by="test",
    )
    stage = STAGES[order["stage"]]
    given = [
        None if made is None else maker(name).returns.model_validate(made)
        for name, made in zip(stage.takes, order["arguments"], strict=True)
    ]
    return stage(run, *given).model_dump(mode="json")


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    import_all(modules_of_tasks())
    obey(lambda order: run_stage(given, order), Path(given["answer"]))
