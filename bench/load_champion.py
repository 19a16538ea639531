"""The time to load a champion from its bundle, as a ratio to fetching and loading only its skops file.

python -m bench.load_champion [--rounds N] prints both and the limit.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import skops.io

from perennial.deployment import Deployment
from perennial.registry.bundles import load_champion
from perennial.registry.champions import current_champion
from perennial.registry.tracking import Tracker
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec
from perennial.stages import STAGES
from perennial.store.local import LocalStore

LIMIT = 1.1
ROWS = 50_000
SPEC = {
    "name": "loaded",
    "task": "classification",
    "source": {"uri": "rows/", "event_time": "at", "window": {"days": 3650}},
    "target": {"column": "label"},
    "features": {"numeric": ["a", "b", "c"], "categorical": ["kind"]},
    "model": {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier"},
    "evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"},
}


def champion_of(folder: Path) -> RetrainingRun:
    """Train and promote a model; return the run."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    rows["kind"] = random.choice(list("pqrs"), ROWS)
    rows["label"] = (rows["a"] + random.normal(size=ROWS) > 0).astype("int64")
    rows["at"] = pd.date_range("2024-01-01", periods=ROWS, freq="min", tz="UTC")
    (folder / "data" / "rows").mkdir(parents=True)
    rows.to_parquet(folder / "data" / "rows" / "part.parquet")
    deployment = Deployment(
        store=LocalStore(folder / "store"), tracking_uri=f"sqlite:///{folder}/mlflow.db", data_root=folder / "data"
    )
    run = RetrainingRun(
        spec=ModelSpec.model_validate(SPEC), deployment=deployment, run_id="first", now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    snapshot = STAGES["ingest"](run)
    candidate = STAGES["train"](run, snapshot)
    evaluation = STAGES["evaluate"](run, snapshot, candidate)
    verdict = STAGES["decide"](run, evaluation, candidate)
    STAGES["promote"](run, STAGES["register"](run, candidate, evaluation, verdict), verdict)
    return run


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        run = champion_of(Path(name))
        champion = current_champion(run.store, run.tracking_uri, "loaded")
        assert champion is not None

        def file_alone() -> None:
            with run.store.scratch() as folder:
                Tracker(run.tracking_uri).download_files(f"models:/loaded/{champion.version}", ["model.skops"], folder)
                path = folder / "model.skops"
                skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))

        times = {"file": [], "bundle": []}
        for _ in range(rounds):
            times["file"].append(seconds(file_alone))
            times["bundle"].append(seconds(lambda: load_champion(run, champion)))
    alone, bundle = (statistics.median(times[kind]) for kind in ("file", "bundle"))
    print(
        f"file alone {alone:.3f} s, bundle {bundle:.3f} s, medians of {rounds}: {bundle / alone:.2f} (at most {LIMIT})"
    )
    raise SystemExit(bundle / alone > LIMIT)


if __name__ == "__main__":
    main()
