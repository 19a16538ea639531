"""Run a retraining's stages as tasks would. Started by test_crash.py; an order has "stage" and "arguments"."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from killed_process import Order, obey

from perennial import stages
from perennial.data.snapshots.records import Snapshot
from perennial.evaluation.records import Evaluation
from perennial.promotion.records import RegisteredVersion, Verdict
from perennial.run import RetrainingRun
from perennial.spec.reading.loader import load_spec
from perennial.store import open_store
from perennial.training.records import Candidate
from perennial_airflow.startup.preload import STAGES, import_all

ARGUMENTS = {
    "ingest": (),
    "validate": (Snapshot,),
    "train": (Snapshot,),
    "evaluate": (Snapshot, Candidate),
    "decide": (Evaluation, Candidate),
    "register": (Candidate, Evaluation, Verdict),
    "promote": (RegisteredVersion, Verdict),
}


def run_stage(settings: dict[str, str], order: Order) -> Any:
    """Run one stage and return its outcome."""
    run = RetrainingRun(
        spec=load_spec(Path(settings["spec"])),
        store=open_store(settings["store"]),
        run_id=settings["run_id"],
        tracking_uri=settings["tracking_uri"],
        data_root=Path(settings["data_root"]),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        reason="crash test",
        triggered_by="test",
    )
    kinds = ARGUMENTS[order["stage"]]
    given = [kind.model_validate(item) for kind, item in zip(kinds, order["arguments"], strict=True)]
    return getattr(stages, order["stage"])(run, *given).model_dump(mode="json")


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    import_all(STAGES)
    obey(lambda order: run_stage(given, order), Path(given["answer"]))
