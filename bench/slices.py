"""Measures how often a slice is called worse that is not, and how large a drop must be to be found.

python bench/slices.py [--verdicts N] prints two tables.

Two models are judged by their mean absolute error on 20,000 rows of twelve weeks, in 200 slices: the 25 values of each
of eight columns. The errors of a row, of a value and of all rows are normal noise; those of values and of all rows last
(first-order autoregressions), as those of real streams do. Neither model is better anywhere, except in the second table
in one slice. The peers take the same contributions of the same ten blocks.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
import scipy.signal
import scipy.stats

from perennial.evaluation.blocks import blocks_of_time
from perennial.evaluation.slices.sign_flips import adjusted_p_values

DAYS, ROWS, COLUMNS, VALUES = 84, 20_000, 8, 25
LEVEL = 0.05
LASTING_HOURS = (0, 6, 24, 72)
DROPS = (0.1, 0.2, 0.3, 0.4, 0.5)
# Standard deviations beside 1 of a single row.
OF_ALL, OF_A_VALUE = 0.1, 0.1


def by_students_t(contributions: np.ndarray) -> np.ndarray:
    """Probabilities of each slice by itself."""
    blocks = contributions.shape[1]
    error = contributions.std(axis=1, ddof=1) / math.sqrt(blocks)
    return scipy.stats.t.cdf(contributions.mean(axis=1) / error, blocks - 1)


def bonferroni(contributions: np.ndarray) -> np.ndarray:
    return np.minimum(1, len(contributions) * by_students_t(contributions))


def resampled_blocks(contributions: np.ndarray) -> np.ndarray:
    """The maximum statistic of a thousand resamples of the blocks (White, 2000)."""
    blocks = contributions.shape[1]
    drawn = np.random.default_rng(0).multinomial(blocks, np.full(blocks, 1 / blocks), size=1000) - 1
    resampled = contributions @ drawn.T
    error = resampled.std(axis=1) * math.sqrt(blocks / (blocks - 1))
    lowest = np.sort((resampled / error[:, None]).min(axis=0))
    return np.searchsorted(lowest, contributions.sum(axis=1) / error, side="right") / len(lowest)


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "uncorrected": by_students_t,
    "Bonferroni": bonferroni,
    "resampled blocks, maximum": resampled_blocks,
    "flipped signs, maximum (ours)": adjusted_p_values,
}


def lasting(rng: np.random.Generator, hours: float, series: int) -> np.ndarray:
    """Normal noise of variance 1 for each hour, whose correlation falls to 1/e in so many hours."""
    phi = math.exp(-1 / hours) if hours else 0.0
    fresh = rng.normal(scale=math.sqrt(1 - phi**2), size=(series, DAYS * 24))
    fresh[:, 0] /= math.sqrt(1 - phi**2)
    return scipy.signal.lfilter([1], [1, -phi], fresh, axis=1)


def contributions(rng: np.random.Generator, hours: float, drop: float) -> np.ndarray:
    """What each block contributes to the difference of the models in each slice, shape (200, 10)."""
    hour = np.sort(rng.integers(0, DAYS * 24, ROWS))
    value = rng.integers(0, VALUES, size=(COLUMNS, ROWS))
    better = rng.normal(size=ROWS) + OF_ALL * lasting(rng, hours, 1)[0, hour]
    for of_column in value:
        better += OF_A_VALUE * lasting(rng, hours, VALUES)[of_column, hour]
    better[value[0] == 0] -= drop
    block = blocks_of_time(hour)
    blocks = int(block.max()) + 1
    sums = [np.bincount(of_column * blocks + block, weights=better, minlength=VALUES * blocks) for of_column in value]
    return np.vstack([one.reshape(VALUES, blocks) for one in sums])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=500)
    verdicts = parser.parse_args().verdicts
    print(f"a slice called worse, in {verdicts} verdicts without a difference (asked: at most {LEVEL:.0%})")
    print(f"{'errors last':32}" + "".join(f"{hours:>7} h" for hours in LASTING_HOURS))
    wrong = {name: [] for name in METHODS}
    for hours in LASTING_HOURS:
        rng = np.random.default_rng(0)
        drawn = [contributions(rng, hours, 0) for _ in range(verdicts)]
        for name, method in METHODS.items():
            wrong[name].append(np.mean([method(one).min() <= LEVEL for one in drawn]))
    for name, shares in wrong.items():
        print(f"{name:32}" + "".join(f"{share:>9.1%}" for share in shares))
    print(f"\na drop in one slice of 800 rows found, in {verdicts} verdicts (errors last for 6 hours)")
    print(f"{'drop, in deviations of a row':32}" + "".join(f"{drop:>9}" for drop in DROPS))
    found = {name: [] for name in METHODS}
    for drop in DROPS:
        rng = np.random.default_rng(1)
        drawn = [contributions(rng, 6, drop) for _ in range(verdicts)]
        for name, method in METHODS.items():
            found[name].append(np.mean([method(one)[0] <= LEVEL for one in drawn]))
    for name, shares in found.items():
        print(f"{name:32}" + "".join(f"{share:>9.0%}" for share in shares))


if __name__ == "__main__":
    main()
