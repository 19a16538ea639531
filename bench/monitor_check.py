"""One whole check as in `perennial monitor`, compared with only reading its rows once and computing the statistics.

python bench/monitor_check.py [--repeats N] prints one table: for a spec without a performance floor, and for one with a
floor, whose bootstrap takes most of the time. CPU seconds of this process, the best of N. 50 float64 columns, 100,000
new rows with matured labels, 1,000,000 rows of reference, the champion a logistic regression. The reference is prepared
before, which is done once per champion.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

# Must be set before the libraries are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from perennial.deployment import Deployment
from perennial.drift import PageHinkley
from perennial.drift.charts.control_chart import ControlChart
from perennial.drift.columns.column_test import ColumnTest
from perennial.monitoring import opening
from perennial.monitoring.drift_tests import matured_tests
from perennial.monitoring.drift_tests import reader as check_reader
from perennial.monitoring.drift_tests.reference import load_reference
from perennial.monitoring.report.page import write_report
from perennial.monitoring.steps import TESTS, CheckReader, close_check, decide, open_check
from perennial.monitoring.waiting import waiting
from perennial.registry.champions import current_champion
from perennial.run import MonitorRun, RetrainingRun
from perennial.spec import ModelSpec
from perennial.stages import STAGES
from perennial.store import LocalStore

TRAINING_ROWS, HOLDOUT_ROWS, BATCH_ROWS, COLUMNS = 1_000_000, 100_000, 100_000, 50
# A batch is a week and a half; the week behind the cursor that is searched for late rows has 60,000 rows.
PACE_S = 10
NAMES = [f"x{i}" for i in range(COLUMNS)]
START = datetime(2024, 1, 1, tzinfo=UTC)
SPEC = {
    "name": "bench",
    "task": "classification",
    "source": {"uri": "rows/", "event_time": "at", "key": ["id"], "window": {"days": 365}},
    "target": {"column": "y", "label_delay_days": 0},
    "features": {"numeric": NAMES},
    "model": {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"max_iter": 20}},
    "evaluation": {"holdout": {"days": HOLDOUT_ROWS * PACE_S / 86_400}, "primary": "roc_auc"},
}
FLOOR = {"performance": {"minimum": {"roc_auc": 0.6}}}
# All other tests are on in both.
SPECS = {
    case: ModelSpec.model_validate(SPEC | {"monitoring": {"volume": {"rows": 10_000_000}} | floor})
    for case, floor in {"no floor": {}, "floor": FLOOR}.items()
}


def land(folder: Path, first: int, rows: int, *, shift: float = 0.0) -> datetime:
    """Write rows, one every ten seconds; return the event time of the last. With a shift half of the columns drift."""
    rng = np.random.default_rng(first)
    shifts = np.where(np.arange(COLUMNS) % 2, np.linspace(0.02, 0.5, COLUMNS), 0.0) * shift
    frame = pd.DataFrame({name: rng.normal(by, size=rows) for name, by in zip(NAMES, shifts, strict=True)})
    frame["y"] = (frame["x0"] + rng.normal(size=rows) > 1).astype("int64")
    frame["id"] = np.arange(first, first + rows)
    frame["at"] = pd.Timestamp(START) + pd.to_timedelta(np.arange(first, first + rows) * PACE_S, unit="s")
    folder.mkdir(exist_ok=True)
    frame.to_parquet(folder / f"{first:09d}.parquet", index=False)
    return START + timedelta(seconds=(first + rows - 1) * PACE_S)


class Clock:
    """CPU seconds of the parts of a check, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: set[str] = set()

    @contextmanager
    def __call__(self, name: str):
        if name in self._running:  # Nested calls are counted once.
            yield
            return
        self._running.add(name)
        began = time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - began
        self._running.remove(name)

    def timed(self, name: str, work: Callable):
        def measured(*arguments, **named):
            with self(name):
                return work(*arguments, **named)

        return measured


def train_champion(run: RetrainingRun) -> None:
    snapshot = STAGES["ingest"](run)
    candidate = STAGES["train"](run, snapshot)
    evaluation = STAGES["evaluate"](run, snapshot, candidate)
    verdict = STAGES["decide"](run, evaluation, candidate)
    STAGES["promote"](run, STAGES["register"](run, candidate, evaluation, verdict), verdict)


# Functions of the library whose time is counted, by part.
STATISTICS = {
    "statistics": [
        (ColumnTest, "compare"),
        (ControlChart, "judge"),
        (PageHinkley, "trace"),
        (PageHinkley, "update"),
        (matured_tests, "score"),
        (matured_tests, "measure_performance"),
    ],
    "charts": [(ControlChart, "judge")],
    "bootstrap": [(matured_tests, "measure_performance")],
}
FETCHING = {
    "loading": [(check_reader, "usable_bundle"), (check_reader, "load_reference")],
    "asking": [(check_reader, "score_rows")],
}
KEEPING = {"keeping": [(opening, "keep_rows")]}


@contextmanager
def counted(clock: Clock, **parts: list[tuple[object, str]]):
    """Count the time in some functions of the library, by part."""
    with ExitStack() as patches:
        for part, places in parts.items():
            for owner, name in places:
                patches.enter_context(mock.patch.object(owner, name, clock.timed(part, getattr(owner, name))))
        yield


def whole_check(run: MonitorRun, clock: Clock) -> None:
    """Make a check step by step as `perennial.cli.monitor.check_once` does, but without printing."""
    with clock("wait"):
        assert waiting(run).enough
    reader = CheckReader(run)
    with clock("open"):
        check = open_check(run, reader)
    assert check is not None
    assert check.rows == check.matured_rows == BATCH_ROWS
    # The report calls the statistics' functions again, which must not be counted as statistics.
    with clock("tests"), counted(clock, **STATISTICS, **FETCHING):
        results = [of(reader, check) for of in TESTS.values()]
    with clock("decide and close"):
        entry = decide(run, check, results)
    with clock("report"):
        write_report(reader, entry)
    with clock("decide and close"):
        close_check(run, entry)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    rounds: dict[str, list[dict[str, float]]] = {case: [] for case in SPECS}
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        folder = home / "rows"
        as_of = land(folder, 0, TRAINING_ROWS + HOLDOUT_ROWS)
        kept = {
            "deployment": Deployment(
                store=LocalStore(home / "store"), tracking_uri=f"sqlite:///{home}/mlflow.db", data_root=home
            ),
            "now": datetime.now(UTC),
        }
        train_champion(RetrainingRun(**kept, spec=SPECS["floor"], as_of=as_of, run_id="first"))
        champion = current_champion(kept["deployment"].store, kept["deployment"].tracking_uri, SPEC["name"])
        assert champion is not None
        for spec in SPECS.values():
            load_reference(MonitorRun(**kept, spec=spec, as_of=as_of), champion)
        first = TRAINING_ROWS + HOLDOUT_ROWS
        for case in [*SPECS] * (repeats + 1):
            as_of = land(folder, first, BATCH_ROWS, shift=1.0)
            # The retrainings that checks trigger are not made here; without a record they would count as lost.
            run = MonitorRun(**kept, spec=SPECS[case], as_of=as_of, was_started=lambda _: True)
            clock = Clock()
            with counted(clock, **KEEPING), clock("whole"):
                whole_check(run, clock)
            with clock("read"):
                pq.read_table(folder / f"{first:09d}.parquet").to_pandas()
            rounds[case].append(clock.seconds)
            first += BATCH_ROWS
    # The first check imports libraries and fills caches, so it is not measured.
    show({case: min(found[1:], key=lambda seconds: seconds["whole"]) for case, found in rounds.items()})


LINES = {
    "whole check": "whole",
    "- waiting: counting the new rows": "wait",
    "- opening: reading and keeping the rows": "open",
    "  - of it keeping them in the store": "keeping",
    "- the six tests": "tests",
    "  - of it loading model and reference": "loading",
    "  - of it the model's predictions, once": "asking",
    "- deciding, ledger, state": "decide and close",
    "- the report": "report",
    "reading the batch once with pyarrow": "read",
    "the statistics alone": "statistics",
    "- of it the control charts": "charts",
    "- of it 1,000 resamples of the metric": "bootstrap",
}


def show(best: dict[str, dict[str, float]]) -> None:
    print(f"{BATCH_ROWS:,} new rows x {COLUMNS} float64 columns, reference {TRAINING_ROWS:,} rows; CPU seconds")
    print(f"{'':<58}" + "".join(f"{case:>12}" for case in best))
    for label, part in LINES.items():
        print(f"{label:<58}" + "".join(f"{seconds.get(part, 0.0):12.3f}" for seconds in best.values()))
    strict = {case: seconds["read"] + seconds["statistics"] for case, seconds in best.items()}
    fed = {case: strict[case] + seconds["asking"] for case, seconds in best.items()}
    for label, baseline in {
        "whole check to reading + statistics (at most 2)": strict,
        "the same, predictions counted with the statistics": fed,
    }.items():
        print(f"{label:<58}" + "".join(f"{best[case]['whole'] / baseline[case]:10.2f} x" for case in best))


if __name__ == "__main__":
    main()
