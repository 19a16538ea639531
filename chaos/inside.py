"""Run inside the stack's network, from standard input: `python - land DAYS [drifted]` or `python - look`."""

from __future__ import annotations

import json
import os
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

MODEL = "chaos_orders"
BUCKET, FOLDER = "landing", f"{MODEL}/"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ROWS_A_DAY = 40


def land(days: int, fewest_items: int) -> None:
    """Add days of orders to those that have landed. Orders with many items are late most of the time."""
    import boto3

    s3 = boto3.client("s3")
    landed = s3.list_objects_v2(Bucket=BUCKET, Prefix=FOLDER).get("Contents", [])
    first = max((int(item["Key"].rpartition("-")[2].removesuffix(".csv")) for item in landed), default=0)
    chance = random.Random(first)
    rows = ["ordered_at,items,late"]
    for number in range(first * ROWS_A_DAY, (first + days) * ROWS_A_DAY):
        items = chance.randint(fewest_items, 10)
        late = (items > 5) != (chance.random() < 0.2)
        rows.append(f"{FIRST + timedelta(days=number / ROWS_A_DAY):%Y-%m-%dT%H:%M:%SZ},{items},{late:d}")
    s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}to-day-{first + days:04}.csv", Body="\n".join(rows).encode())


def look() -> dict[str, Any]:
    """Return the state of the model in store and registry."""
    from mlflow import MlflowClient

    from perennial.backup.verify import verify
    from perennial.champions.records import Move
    from perennial.monitoring.ledger import read_ledger
    from perennial.monitoring.state import load_state
    from perennial.spec.reading.loader import find_spec
    from perennial.store import open_store
    from perennial.store.sealed import read_record

    store, mlflow = open_store(os.environ["PERENNIAL_STORE"]), MlflowClient()
    spec = find_spec(MODEL, Path(os.environ["PERENNIAL_MODELS"]))
    ledger = list(read_ledger(store, MODEL))
    move = read_record(store, f"{MODEL}/promotion.json", Move, "It says which version is champion")
    experiment = mlflow.get_experiment_by_name(f"perennial/{MODEL}")
    return {
        "problems": verify(store, os.environ["MLFLOW_TRACKING_URI"], spec).problems,
        "versions": [
            {
                "version": found.version,
                "run_id": found.tags["perennial.run_id"],
                "snapshot": found.tags["perennial.snapshot"],
                "previous": found.tags.get("perennial.previous_champion"),
            }
            for found in mlflow.search_model_versions(f"name = '{MODEL}'")
        ],
        "champion": mlflow.get_model_version_by_alias(MODEL, "champion").version,
        "move": {"to": move.to_version, "state": move.state, "sequence": move.sequence},
        "training_runs": [run.info.status for run in mlflow.search_runs([experiment.experiment_id])],
        "snapshots": _snapshots(store),
        "ledger": [entry.sequence for entry in ledger],
        "triggered": [entry.decision.run_id for entry in ledger if entry.decision.outcome == "trigger"],
        "state": load_state(store, MODEL)[0].sequence,
    }


def _snapshots(store: Any) -> dict[str, dict[str, list[str]]]:
    from perennial.data.snapshots.manifest import load_manifest
    from perennial.layout import MANIFEST, snapshots_folder

    there: dict[str, list[str]] = {}
    for item in store.list(snapshots_folder(MODEL)):
        digest, _, name = item.key.removeprefix(snapshots_folder(MODEL)).partition("/")
        there.setdefault(digest, []).append(name)
    found = {}
    for digest, names in there.items():
        listed = [part.name for part in load_manifest(store, MODEL, digest).parts] if MANIFEST.name in names else []
        found[digest] = {"listed": listed, "there": [name for name in names if name != MANIFEST.name]}
    return found


if __name__ == "__main__":
    if sys.argv[1] == "land":
        land(int(sys.argv[2]), 7 if "drifted" in sys.argv else 1)
    else:
        print(json.dumps(look()))
