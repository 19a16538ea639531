"""Seconds that searches spend in features, with nothing kept, and again over the same snapshot.

    python -m bench.feature_cache [--trials N]

The model is the demo's `flight_delay` on the rows of January with a search space and steps that cost something: latent
semantic analysis of tail numbers (skrub), target encoding and quantiles. The stage `tune` runs three times, in one process
with one thread: without the cache; with an empty one; and, as another run, with what that one has kept. The limit holds for
the third beside the second, which shares features among its own trials already. The demo's own features, which are cheap,
show what the cache costs where it saves nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Read when the libraries are loaded.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"})

from demo.flights import month_of_flights
from perennial.data.ingest import ingest
from perennial.data.snapshots.records import Snapshot
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec, load_spec
from perennial.store import LocalStore
from perennial.training import fit
from perennial.tuning.choose import choose
from perennial.tuning.tune import tune

LIMIT = 0.1
DEMO = Path(__file__).parents[1] / "dags" / "models" / "flight_delay.yaml"
STEPS = [
    {"transformer": "skrub.StringEncoder", "columns": ["tailnum"], "params": {"n_components": 20}},
    {"transformer": "sklearn.preprocessing.TargetEncoder", "columns": ["carrier", "origin", "dest"]},
    {"transformer": "sklearn.preprocessing.QuantileTransformer", "columns": ["temp", "dewp", "humid", "pressure"]},
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=4)
    trials = parser.parse_args().trials
    costly = measured("costly steps", trials, {"categorical": [*categorical(), "tailnum"], "steps": STEPS})
    measured("the demo's own features", trials, {})
    sys.exit(costly > LIMIT)


def categorical() -> tuple[str, ...]:
    return load_spec(DEMO).features.categorical


def measured(name: str, trials: int, features: dict[str, Any]) -> float:
    """Run the three searches, print what they spend, and return the third's part of the second's."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PERENNIAL_CACHE"] = f"{folder}/cache"
        run = run_in(Path(folder), trials, features)
        snapshot = ingest(run)
        kept = replace(run, spec=with_features(run.spec, {"cache_mb": 2_000}))
        spent, scores = [], set()
        for each in (run, replace(kept, run_id="first"), replace(kept, run_id="second")):
            seconds, score = in_features(each, snapshot)
            spent.append(seconds)
            scores.add(score)
        size = sum(path.stat().st_size for path in Path(folder, "cache").rglob("*") if path.is_file())
    if len(scores) > 1:
        sys.exit(f"the searches found different scores: {scores}")
    without, first, second = spent
    print(
        f"{name}, {trials} trials on {snapshot.rows:,} rows: {without:.1f} s in features without the cache, {first:.1f} s in the "
        f"first search with it, {second:.2f} s in the second; second to first {second / first:.3f} (limit {LIMIT}), "
        f"{size / 1e6:.0f} MB kept",
        flush=True,
    )
    return second / first


def in_features(run: RetrainingRun, snapshot: Snapshot) -> tuple[float, float]:
    """Search, and return the seconds in features, the cache's own among them, and the best score."""
    spent = 0.0
    real = {name: getattr(fit, name) for name in ("prepare_features", "kept_features")}

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            nonlocal spent
            began = time.monotonic()
            try:
                return function(*given)
            finally:
                spent += time.monotonic() - began

        return call

    for name, function in real.items():
        setattr(fit, name, timed(function))
    try:
        tune(run, snapshot)
    finally:
        for name, function in real.items():
            setattr(fit, name, function)
    return spent, choose(run, snapshot).score


def run_in(folder: Path, trials: int, features: dict[str, Any]) -> RetrainingRun:
    (folder / "data" / "flights").mkdir(parents=True)
    month_of_flights(1).to_parquet(folder / "data" / "flights" / "1.parquet")
    content = load_spec(DEMO).model_dump(exclude_unset=True)
    model = content["model"]
    space = {"learning_rate": {"low": 0.02, "high": 0.3, "log": True}}
    fixed = {"max_iter": 20}
    candidate = {"estimator": model["estimator"], "params": fixed, "search": space}
    tuning = {"trials": trials, "sampler": "random", "seed": 1, "warm_start": False}
    content |= {"model": {"candidates": [candidate], "seed": model["seed"]}, "tuning": tuning}
    deployment = Deployment(
        store=LocalStore(folder / "store"),
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
        data_root=folder / "data",
        tuning_url=f"sqlite:///{folder}/tuning.db",
    )
    spec = with_features(ModelSpec.model_validate(content), features)
    return RetrainingRun(spec=spec, deployment=deployment, now=datetime.now(UTC), run_id="without")


def with_features(spec: ModelSpec, features: dict[str, Any]) -> ModelSpec:
    content = spec.model_dump(exclude_unset=True)
    return ModelSpec.model_validate(content | {"features": content["features"] | features})


if __name__ == "__main__":
    main()
