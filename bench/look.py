"""Measures the time of `perennial monitor --once` as a whole process, and of importing the libraries it may need.

python bench/look.py [--repeats N] prints one table: a look that finds nothing due, and a quiet check. CPU seconds (user
and system) of the process, the smallest of N; all take turns, so that a busy machine slows them down alike. The model
is small: 3,000 rows of training, 500 new ones, four features, gradient boosting, MLflow in a SQLite file, compiled
modules cached.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

SPEC = """\
name: orders
task: classification
source: {uri: orders/, event_time: at, key: [id], window: {days: 30}}
target: {column: late}
features: {numeric: [x, y, z], categorical: [kind]}
model: {estimator: sklearn.ensemble.HistGradientBoostingClassifier, params: {max_iter: 20}}
evaluation: {holdout: {days: 0.5}, primary: roc_auc}
monitoring: {min_rows: 500}
"""
TRAINED_ROWS, BATCH_ROWS = 3_000, 500
LIBRARIES = ("pandas", "sklearn", "mlflow", "skops.io")
PERENNIAL = "import sys; from perennial.cli.main import main; sys.argv[0] = 'perennial'; main()"
NOTHING_DUE, QUIET, PROMOTED = 0, 6, 5


def land(folder: Path, first: int, rows: int) -> None:
    rng = np.random.default_rng(first)
    frame = pd.DataFrame({name: rng.normal(size=rows) for name in "xyz"})
    frame["kind"] = rng.choice(["a", "b"], size=rows)
    frame["late"] = (frame["x"] + rng.normal(size=rows) > 0).astype("int64")
    frame["id"] = np.arange(first, first + rows)
    frame["at"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(frame["id"], unit="min")
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(folder / f"{first:09d}.parquet", index=False)


def cpu_seconds(code: str, *arguments: str, environment: Mapping[str, str], ends: tuple[int, ...] = (0,)) -> float:
    """Return the CPU seconds of a Python process, which must end with one of the exit codes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.returncode in ends, f"exit code {ended.returncode}: {ended.stdout}{ended.stderr}"
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        (home / "models").mkdir()
        (home / "models" / "orders.yaml").write_text(SPEC)
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment = kept | {
            "PERENNIAL_MODELS": f"{home}/models",
            "PERENNIAL_STORE": f"{home}/store",
            "PERENNIAL_DATA": f"{home}/data",
            "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db",
            "OMP_NUM_THREADS": "1",
        }

        def monitor(*ends: int) -> float:
            return cpu_seconds(PERENNIAL, "monitor", "orders", "--once", environment=environment, ends=ends)

        land(home / "data" / "orders", 0, TRAINED_ROWS)
        monitor(PROMOTED)
        rows = TRAINED_ROWS
        taken: dict[str, list[float]] = {}
        # The first round compiles modules, and prepares the champion's reference.
        for _ in range(repeats + 1):
            taken.setdefault("a look that finds nothing due", []).append(monitor(NOTHING_DUE))
            land(home / "data" / "orders", rows, BATCH_ROWS)
            rows += BATCH_ROWS
            taken.setdefault("a quiet check", []).append(monitor(QUIET))
            for libraries in (LIBRARIES[:3], ("sklearn.ensemble",), LIBRARIES[3:], LIBRARIES):
                code = f"import {', '.join(libraries)}"
                taken.setdefault(code, []).append(cpu_seconds(code, environment=environment))
    whole = min(taken[f"import {', '.join(LIBRARIES)}"][1:])
    for what, seconds in taken.items():
        best = min(seconds[1:])
        print(f"{what:<50} {best:6.2f} s CPU   {best / whole:5.2f} of importing all four")


if __name__ == "__main__":
    main()
