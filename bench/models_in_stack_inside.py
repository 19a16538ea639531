"""Run inside the stack's network, in its `tools` service, from standard input: prepare 200 models for Airflow.

python - land FIRST_DAY DAYS     writes orders of these days
python - train NUMBER OF         trains a champion of every OFth model, from the NUMBERth on
python - checked                 prints how many models have an entry in their ledger, and what was decided
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ROWS_A_DAY = 40


def land(first_day: int, days: int) -> None:
    """Write orders to the landing bucket. Orders with many items are late most of the time."""
    import boto3

    chance = random.Random(first_day)
    rows = ["ordered_at,items,late"]
    for number in range(first_day * ROWS_A_DAY, (first_day + days) * ROWS_A_DAY):
        items = chance.randint(1, 10)
        late = (items > 5) != (chance.random() < 0.2)
        rows.append(f"{FIRST + timedelta(days=number / ROWS_A_DAY):%Y-%m-%dT%H:%M:%SZ},{items},{late:d}")
    boto3.client("s3").put_object(Bucket="landing", Key=f"orders/{first_day:04}.csv", Body="\n".join(rows).encode())


def train(number: int, of: int) -> None:
    """Train a champion of every OFth model by the stages of `perennial run`, without validation."""
    from perennial.deployment import Deployment
    from perennial.run import RetrainingRun
    from perennial.stages import STAGES

    store, specs = _store_and_specs()
    for spec in specs[number::of]:
        run = RetrainingRun(
            spec=spec,
            deployment=Deployment(
                store=store, tracking_uri=os.environ["MLFLOW_TRACKING_URI"], data_root=os.environ["PERENNIAL_DATA"]
            ),
            now=datetime.now(UTC),
            run_id="first",
        )
        snapshot = STAGES["ingest"](run)
        candidate = STAGES["train"](run, snapshot)
        evaluation = STAGES["evaluate"](run, snapshot, candidate)
        verdict = STAGES["decide"](run, evaluation, candidate)
        STAGES["promote"](run, STAGES["register"](run, candidate, evaluation, verdict), verdict)
        print(spec.name, verdict.outcome, flush=True)


def checked() -> dict[str, Any]:
    """Count the models with a check, and the decisions."""
    from perennial.monitoring.ledger import read_ledger

    store, specs = _store_and_specs()
    ledgers = [list(read_ledger(store, spec.name)) for spec in specs]
    decided = Counter(entry.decision.outcome for entries in ledgers for entry in entries)
    rows = Counter(entry.check.rows for entries in ledgers for entry in entries)
    return {"models": sum(bool(entries) for entries in ledgers), "decisions": decided, "rows": rows}


def _store_and_specs() -> tuple[Any, list[Any]]:
    from perennial.spec.reading.loader import load_spec
    from perennial.store import open_store

    files = sorted(Path(os.environ["PERENNIAL_MODELS"]).glob("*.yaml"))
    return open_store(os.environ["PERENNIAL_STORE"]), [load_spec(file) for file in files]


if __name__ == "__main__":
    if sys.argv[1] == "land":
        land(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "train":
        train(int(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps(checked()))
