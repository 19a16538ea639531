"""A search with two processes, compared with Optuna alone in one: wall time, best score and memory.

    python -m bench.search [--trials N]

The model is the demo's `flight_delay` with a search space, its rows January to March. Both sides do TPE trials on the same
five folds by time with the same pipeline, one thread for a fit. Ours is what `perennial run` does in its stage `tune`: two
processes that share a study in a SQLite file, their start included. Optuna alone is a plain script in a process of its own:
`study.optimize` with scikit-learn's `cross_val_score`. Its time is halved, as if it had two cores. Memory is the largest sum of what
processes have to themselves (USS), compared with two processes that each read the rows and fit the model once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Read when the libraries are loaded, here and in the processes that are started.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"})

import psutil

from demo.flights import month_of_flights
from perennial.cli.search import search
from perennial.data.folds import plan_folds
from perennial.data.ingest import ingest
from perennial.data.snapshots.records import Snapshot
from perennial.data.split import split_by_time
from perennial.deployment import Deployment
from perennial.run import RetrainingRun
from perennial.spec import ModelSpec, load_spec
from perennial.store import LocalStore, open_store
from perennial.training.fit import prepare_fit
from perennial.training.pipeline import build_pipeline
from perennial.training.rows import read_rows
from perennial.tuning.choose import choose

TIME_LIMIT, MEMORY_LIMIT = 1.25, 1.3
DEMO = Path(__file__).parents[1] / "dags" / "models" / "flight_delay.yaml"
SPACE = {
    "learning_rate": {"low": 0.02, "high": 0.3, "log": True},
    "max_leaf_nodes": {"low": 7, "high": 63, "log": True},
    "min_samples_leaf": {"low": 5, "high": 200, "log": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        run = run_in(Path(folder), trials)
        snapshot = ingest(run)
        began = time.monotonic()
        ours_mb = watched(lambda: search(run, snapshot, lambda _: None))
        ours_s = time.monotonic() - began
        best = choose(run, snapshot).score
        began = time.monotonic()
        alone = in_processes(1, optuna_alone, run.spec, run.store.uri, snapshot, trials)
        alone_s = time.monotonic() - began
        fits_mb = watched(lambda: in_processes(2, fit_once, run.spec, run.store.uri, snapshot, trials))
    slower, larger = ours_s / (alone_s / 2), ours_mb / fits_mb
    print(f"{trials} trials on {snapshot.rows:,} rows: ours {ours_s:.0f} s, best {best:.4f}")
    print(f"Optuna alone: {alone_s:.0f} s, best {alone[0]:.4f}; ours to half of it {slower:.2f} (limit {TIME_LIMIT})")
    print(f"memory: ours {ours_mb:.0f} MB, two fits {fits_mb:.0f} MB, ratio {larger:.2f} (limit {MEMORY_LIMIT})")
    sys.exit(slower > TIME_LIMIT or larger > MEMORY_LIMIT)


def run_in(folder: Path, trials: int) -> RetrainingRun:
    (folder / "data" / "flights").mkdir(parents=True)
    for month in (1, 2, 3):
        month_of_flights(month).to_parquet(folder / "data" / "flights" / f"{month}.parquet")
    content = load_spec(DEMO).model_dump(exclude_unset=True)
    model = content["model"]
    fixed = {name: value for name, value in model["params"].items() if name not in SPACE}
    candidate = {"estimator": model["estimator"], "params": fixed, "search": SPACE}
    spec = ModelSpec.model_validate(
        content
        | {
            "model": {"candidates": [candidate], "seed": model["seed"]},
            "tuning": {"trials": trials, "parallel": 2, "seed": 1},
        }
    )
    deployment = Deployment(
        store=LocalStore(folder / "store"),
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
        data_root=folder / "data",
        tuning_url=f"sqlite:///{folder}/tuning.db",
    )
    return RetrainingRun(spec=spec, deployment=deployment, now=datetime.now(UTC), run_id="bench")


def optuna_alone(spec: ModelSpec, store: str, snapshot: Snapshot, trials: int) -> float:
    import optuna
    from sklearn.model_selection import cross_val_score

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train = training_rows(spec, store, snapshot)
    folds = [(fold.train, fold.test) for fold in plan_folds(train, spec)]
    (candidate,) = spec.model.candidates
    inputs, labels = train[list(spec.features.input_columns)], train[spec.target.column].to_numpy()

    def objective(trial: optuna.Trial) -> float:
        chosen = {
            name: (trial.suggest_float if name == "learning_rate" else trial.suggest_int)(
                name, bounds["low"], bounds["high"], log=True
            )
            for name, bounds in SPACE.items()
        }
        pipeline = build_pipeline(spec.with_choice(candidate.estimator, {**candidate.params, **chosen}))
        return float(cross_val_score(pipeline, inputs, labels, cv=folds, scoring="roc_auc").mean())

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, n_trials=trials)
    return float(study.best_value)


def fit_once(spec: ModelSpec, store: str, snapshot: Snapshot, _trials: int) -> float:
    (candidate,) = spec.model.candidates
    one = spec.with_choice(candidate.estimator, candidate.params)
    return prepare_fit(one, training_rows(spec, store, snapshot)).run()


def training_rows(spec: ModelSpec, store: str, snapshot: Snapshot) -> Any:
    deployment = Deployment(store=open_store(store), tracking_uri="", data_root="")
    run = RetrainingRun(spec=spec, deployment=deployment, now=datetime.now(UTC), run_id="bench")
    return split_by_time(read_rows(run, snapshot), spec).train


def in_processes(number: int, work: Callable[..., float], *arguments: Any) -> list[float]:
    with multiprocessing.get_context("spawn").Pool(number) as pool:
        return pool.starmap(work, [arguments] * number, chunksize=1)


def watched(work: Callable[[], Any]) -> float:
    """Do the work; return the largest sum of the memory of this process's children, in MB."""
    from threading import Event, Thread

    end, largest = Event(), 0.0

    def watch() -> None:
        nonlocal largest
        while not end.wait(0.2):
            sizes = []
            for child in psutil.Process().children(recursive=True):
                try:
                    sizes.append(child.memory_full_info().uss)
                except psutil.Error:  # it has just ended
                    continue
            largest = max(largest, sum(sizes) / 2**20)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        work()
    finally:
        end.set()
        thread.join()
    return largest


if __name__ == "__main__":
    main()
