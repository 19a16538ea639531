"""Alarm quality: false alarms on clean rows and delay after a shift, of our detectors, of river's and of plain KS.

python bench/alarm_quality.py [--seeds N] prints a table. All detectors see the same rows.

A row has ten numeric columns and the error (0 or 1) of a model that is wrong in one row of ten. When the data drift,
three columns move by half a deviation and the model is wrong in one row of five. The detectors of columns test batches
of 1,000 rows against 20,000 reference rows; those of losses see the errors row by row. A false alarm is one on clean
rows; the delay runs from the start of a drift to the first alarm in it. After an alarm every detector continues in its
own way.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
from river import drift
from scipy.stats import ks_2samp

from perennial.drift import KolmogorovSmirnov, calibrate

COLUMNS, MOVED, SHIFT = 10, 3, 0.5
BATCH, REFERENCE_ROWS, CLEAN_ROWS, DRIFT_ROWS = 1_000, 20_000, 100_000, 10_000
CLEAN_ERROR, DRIFT_ERROR = 0.1, 0.2

Alarms = Callable[[np.ndarray, np.ndarray], list[int]]


def strengths(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, list[int]]]:
    """Return the strength of drift in each row, by kind of stream, and where the drifts start.

    They start at any row, not only at the first of a batch.
    """
    lead = int(rng.integers(20_000, 20_000 + BATCH))
    abrupt = np.concatenate([np.zeros(lead), np.ones(DRIFT_ROWS)])
    gradual = np.concatenate([np.zeros(lead), np.linspace(0, 1, DRIFT_ROWS), np.ones(DRIFT_ROWS)])
    recurring = np.concatenate([np.zeros(lead), *[np.ones(DRIFT_ROWS), np.zeros(DRIFT_ROWS)] * 3])
    return {
        "clean": (np.zeros(CLEAN_ROWS), []),
        "abrupt": (abrupt, [lead]),
        "gradual": (gradual, [lead]),
        "recurring": (recurring, [lead + 2 * i * DRIFT_ROWS for i in range(3)]),
    }


def rows_with(strength: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    columns = rng.normal(size=(COLUMNS, strength.size))
    columns[:MOVED] += SHIFT * strength
    errors = rng.random(strength.size) < CLEAN_ERROR + (DRIFT_ERROR - CLEAN_ERROR) * strength
    return columns, errors.astype(float)


def detectors(columns: np.ndarray, errors: np.ndarray) -> dict[str, Alarms]:
    """Return all detectors, fitted on the same reference. Each returns the rows at which it raises an alarm."""
    names = [f"x{i}" for i in range(COLUMNS)]
    test = KolmogorovSmirnov.fit(dict(zip(names, columns, strict=True)))
    calibrated = {n: calibrate(errors, one_false_alarm_in=n) for n in (20_000, 100_000)}

    def ours(batch: np.ndarray) -> bool:
        return bool(test.compare(dict(zip(names, batch, strict=True))).drifted)

    def plain(batch: np.ndarray) -> bool:
        return any(ks_2samp(old, new).pvalue < 0.05 for old, new in zip(columns, batch, strict=True))

    return {
        "ours: KS, level 0.05, floor 0.1": lambda columns, _: by_batch(columns, ours),
        "plain KS, p < 0.05 in any column": lambda columns, _: by_batch(columns, plain),
        "ours: Page-Hinkley, one in 100,000": lambda _, errors: from_start(calibrated[100_000], errors),
        "ours: Page-Hinkley, one in 20,000": lambda _, errors: from_start(calibrated[20_000], errors),
        "river Page-Hinkley, defaults": lambda _, errors: by_row(drift.PageHinkley(), errors),
        "river ADWIN, defaults": lambda _, errors: by_row(drift.ADWIN(), errors),
    }


def by_batch(columns: np.ndarray, alarm: Callable[[np.ndarray], bool]) -> list[int]:
    ends = range(BATCH, columns.shape[1] + 1, BATCH)
    return [end - 1 for end in ends if alarm(columns[:, end - BATCH : end])]


def from_start(detector, errors: np.ndarray) -> list[int]:
    return type(detector).from_state(detector.state()).update(errors).tolist()


def by_row(detector, errors: np.ndarray) -> list[int]:
    found = []
    for index, error in enumerate(errors.tolist()):
        detector.update(error)
        if detector.drift_detected:
            found.append(index)
    return found


def false_alarms(alarms: list[int], strength: np.ndarray, starts: list[int]) -> tuple[int, int]:
    """Return the alarms on clean rows before any drift, and the number of these rows."""
    clean = starts[0] if starts else strength.size
    return sum(alarm < clean for alarm in alarms), clean


def delays(alarms: list[int], strength: np.ndarray, starts: list[int]) -> list[float]:
    """Return the rows from each start to the first alarm during the drift; infinite without one."""
    found = []
    for start in starts:
        over = np.flatnonzero(strength[start + 1 :] == 0)
        end = start + 1 + int(over[0]) if over.size else strength.size
        found.append(min((alarm - start + 1.0 for alarm in alarms if start <= alarm < end), default=math.inf))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    wrong: dict[str, list[tuple[int, int]]] = {}
    late: dict[tuple[str, str], list[float]] = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        reference = rows_with(np.zeros(REFERENCE_ROWS), rng)
        ready = detectors(*reference)
        for kind, (strength, starts) in strengths(rng).items():
            rows = rows_with(strength, rng)
            for name, alarms in ready.items():
                raised = alarms(*rows)
                wrong.setdefault(name, []).append(false_alarms(raised, strength, starts))
                late.setdefault((name, kind), []).extend(delays(raised, strength, starts))
    kinds = ("abrupt", "gradual", "recurring")
    clean_rows = sum(rows for _, rows in next(iter(wrong.values())))
    print(f"{seeds} seeds, {clean_rows:,} clean rows; median delay in rows (share of drifts found)")
    print("| | false alarms per 100,000 clean rows | " + " | ".join(kinds) + " |")
    print("|---|---|---|---|---|")
    for name, counts in wrong.items():
        rate = sum(count for count, _ in counts) / clean_rows * 100_000
        cells = [late[name, kind] for kind in kinds]
        told = " | ".join(f"{np.median(cell):,.0f} ({np.mean(np.isfinite(cell)):.0%})" for cell in cells)
        print(f"| {name} | {rate:.2f} | {told} |")


if __name__ == "__main__":
    main()
