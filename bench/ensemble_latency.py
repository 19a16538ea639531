"""Measures the cost of several models that serve together: files, memory and time of a prediction, by members.

python -m bench.ensemble_latency [--members 1,2,5,12] [--rounds N] prints a table for boosting and for a linear model. Each
member is a served model and its judged twin, as after a refit; the time of a prediction is the median over the rounds,
in CPU time, for one row and for 10,000. Memory is what Python and numpy use in addition after the members, served and
twins, are read.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

# Set before the libraries are imported, since otherwise mostly the waiting of threads for each other would be measured.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from perennial.ensemble.composition import ensemble_manifest
from perennial.ensemble.files import member_folder, read_members
from perennial.models.bundle import twin_file, write_manifest
from perennial.models.formats.skops_format import SkopsFormat, SkopsModel
from perennial.models.manifest import Feature, FittedRows, Manifest, MeanLoss, Member
from perennial.spec import ModelSpec
from perennial.training.pipeline import build_pipeline
from tests.candidates import bundle_manifest

ROWS = 20_000
ANSWERED = (1, 10_000)
NUMBERS = [f"n{i}" for i in range(20)]
ESTIMATORS = {
    "boosting": "sklearn.ensemble.HistGradientBoostingClassifier",
    "linear": "sklearn.linear_model.LogisticRegression",
}


def example_rows(seed: int, rows: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, len(NUMBERS))), columns=NUMBERS)
    frame["kind"] = pd.Series(random.choice(list("pqrst"), rows), dtype="str")
    return frame


def member(estimator: str, number: int, folder: Path) -> Manifest:
    """Fit a model and its twin on different rows, and write both."""
    spec = ModelSpec.model_validate(
        {
            "name": "together",
            "task": "classification",
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 60}},
            "target": {"column": "label"},
            "features": {"numeric": NUMBERS, "categorical": ["kind"]},
            "model": {"estimator": estimator, "seed": 1},
            "evaluation": {"holdout": {"days": 10}, "primary": "roc_auc"},
        }
    )
    kept, types = SkopsFormat(), ()
    folder.mkdir(parents=True)
    for part, name in enumerate((kept.file, twin_file(kept))):
        rows = example_rows(2 * number + part, ROWS)
        label = (rows["n0"] + rows["n1"] * rows["n2"] + np.random.default_rng(9).normal(size=ROWS) > 0).astype("int64")
        types = kept.write(SkopsModel(build_pipeline(spec).fit(rows, label)), folder / name)
    now = datetime(2024, 3, 1, tzinfo=UTC)
    manifest = bundle_manifest(
        files=dict.fromkeys((kept.file, twin_file(kept)), ""),
        types=types,
        inputs=dict.fromkeys([*NUMBERS, "kind"], "double"),
        features=tuple(Feature(name=name, kind="numeric", made_by="source") for name in NUMBERS),
        refit=FittedRows(rows=ROWS, train_start=now, train_end=now),
    )
    return write_manifest(folder, manifest)[0]


def seconds(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def measure(folder: Path, manifests: Sequence[Manifest], rounds: int) -> str:
    weight = 1 / len(manifests)
    members = [Member(mlflow_run_id=str(i), weight=weight, manifest=one) for i, one in enumerate(manifests)]
    manifest = ensemble_manifest(members, {}, MeanLoss(rows=1, mean=0.1, standard_error=0.1))
    size = sum((folder / name).stat().st_size for name in manifest.files)
    loaded = seconds(lambda: read_members(folder, manifest, "the model"))
    gc.collect()
    tracemalloc.start()
    bundle = read_members(folder, manifest, "the model")
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    answers = []
    for count in ANSWERED:
        rows = example_rows(99, count)
        bundle.predict(rows)
        answers.append(statistics.median(seconds(lambda rows=rows: bundle.predict(rows)) for _ in range(rounds)))
    one, many = (1000 * answer for answer in answers)
    return f"{len(members):>3} members  {size / 1e6:7.2f} MB  {held / 1e6:7.2f} MB  {loaded:6.2f} s  {one:8.1f} ms  {many:8.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", default="1,2,5,12", help="numbers of members, with commas")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.members.split(",")]
    for kind, estimator in ESTIMATORS.items():
        print(f"{kind}: files, memory, reading, one row, {ANSWERED[1]:,} rows")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            manifests = [member(estimator, i, folder / member_folder(str(i))) for i in range(max(counts))]
            for count in counts:
                print(measure(folder, manifests[:count], arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
