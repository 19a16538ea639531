"""Kolmogorov-Smirnov over a wide batch: ours compared with scipy column by column, and with sorting the batch once.

python bench/ks.py [--repeats N] prints one table. CPU seconds of this process, one thread; and numpy's sort once more
in a process without AVX-512, and in one without AVX2, since it depends on the processor which of its sorts is the
fastest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from perennial.drift import KolmogorovSmirnov

REFERENCE_ROWS, BATCH_ROWS, COLUMNS = 1_000_000, 100_000, 50


# Values of NPY_DISABLE_CPU_FEATURES; names that numpy or the processor does not have are ignored.
SORTS = {"without AVX-512": "X86_V4 AVX512_ICL AVX512_SPR", "without AVX2": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"}
SORT = f"""
import time
import numpy as np
values = np.random.default_rng(0).normal(size={BATCH_ROWS})
def once():
    began = time.process_time()
    np.sort(values)
    return time.process_time() - began
print(min(once() for _ in range(20)))
"""


def sort_ns(disabled: str) -> float:
    """Return the nanoseconds a value that a new process takes to sort a batch's column."""
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": disabled}
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SORT], env=environment, capture_output=True, text=True, check=True
    )
    return float(told.stdout) / BATCH_ROWS * 1e9


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def peak_mb(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    rng = np.random.default_rng(0)
    names = [f"x{i}" for i in range(COLUMNS)]
    # Half of the columns drift, by 0.02 to 0.5 standard deviations.
    shifts = np.where(np.arange(COLUMNS) % 2, np.linspace(0.02, 0.5, COLUMNS), 0.0)
    reference = pd.DataFrame({name: rng.normal(size=REFERENCE_ROWS) for name in names})
    batch = pd.DataFrame({name: rng.normal(shift, size=BATCH_ROWS) for name, shift in zip(names, shifts, strict=True)})
    arrays = [(reference[name].to_numpy(), batch[name].to_numpy()) for name in names]

    start = time.process_time()
    test = KolmogorovSmirnov.fit(reference)
    fit_s = time.process_time() - start
    report = test.compare(batch)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.npz"
        save_s = cpu_seconds(lambda: test.save(path))
        size_mb = path.stat().st_size / 1e6
        load_s = cpu_seconds(lambda: KolmogorovSmirnov.load(path))
        loaded = KolmogorovSmirnov.load(path)
        loaded.compare(batch)
        # In turns, so that a busy machine slows all of them equally.
        ours, mapped, sort = [], [], []
        for _ in range(repeats):
            ours.append(cpu_seconds(lambda: test.compare(batch)))
            mapped.append(cpu_seconds(lambda: loaded.compare(batch)))
            sort.append(cpu_seconds(lambda: [np.sort(column) for _, column in arrays]))
    expected: list[float] = []
    scipy_s = cpu_seconds(lambda: expected.extend(float(ks_2samp(*pair).statistic) for pair in arrays))
    worst = max(abs(column.statistic - d) for column, d in zip(report.columns, expected, strict=True))

    best = min(ours)
    print(f"{REFERENCE_ROWS:,} v {BATCH_ROWS:,} rows, {COLUMNS} float64 columns")
    print(f"ours, reference prepared      {best:8.3f} s CPU")
    print(f"ours, reference mapped        {min(mapped):8.3f} s CPU")
    print(f"np.sort of the batch          {min(sort):8.3f} s CPU   ours = {best / min(sort):.2f} x (at most 2.5)")
    print(f"scipy, column by column       {scipy_s:8.3f} s CPU   ours = 1/{scipy_s / best:.0f} (at most 1/50)")
    here = sort_ns("")
    print(f"np.sort in a process of its own {here:6.1f} ns a value")
    for how, disabled in SORTS.items():
        taken = sort_ns(disabled)
        print(f"- {how:<28}  {taken:6.1f} ns a value   this machine's own = {here / taken:.2f} x")
    print(f"largest difference of D       {worst:8.1e}")
    print(f"peak extra memory             {peak_mb(lambda: test.compare(batch)):8.1f} MB        (under 100)")
    print(f"fit                           {fit_s:8.3f} s CPU, once per champion")
    print(f"save, load                    {save_s:8.3f} s, {load_s:.3f} s CPU; {size_mb:.0f} MB")


if __name__ == "__main__":
    main()
