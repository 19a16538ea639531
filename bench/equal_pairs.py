"""Measures how often each kind of interval calls one of two equally good models better, if their errors last.

python bench/equal_pairs.py [--pairs N] prints one table.

The errors of both models of a pair are first-order autoregressions with a common part, hour by hour, for twelve weeks.
The correlation time says how similar the errors of successive hours are. Neither model is better in the long run, so an
interval at 95% that does not contain 0 is wrong, and at most 5% of them should be.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
import scipy.signal
import scipy.stats

from perennial.evaluation.blocks import blocks_of_time
from perennial.evaluation.bootstrap import resampled_weights
from perennial.evaluation.comparison import compare
from perennial.evaluation.metrics import answered_rows
from perennial.evaluation.reweighted import reweighted
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec

ROWS = 12 * 7 * 24
CORRELATION_HOURS = (0, 6, 24, 48, 72)
CONFIDENCE = 0.95
SHARED = 0.7
METRICS = {"mae": "regression", "roc_auc": "classification"}
TIMES = np.arange(ROWS)


def spec_of(metric: str) -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "name": "pairs",
            "task": METRICS[metric],
            "source": {"uri": "rows/", "event_time": "at", "window": {"days": 365}},
            "target": {"column": "label"},
            "features": {"numeric": ["x"]},
            "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
            "evaluation": {"holdout": {"days": 84}, "primary": metric},
        }
    )


def lasting(rng: np.random.Generator, hours: float) -> np.ndarray:
    """Normal noise of variance 1 whose correlation falls to 1/e in so many hours."""
    phi = math.exp(-1 / hours) if hours else 0.0
    fresh = rng.normal(scale=math.sqrt(1 - phi**2), size=ROWS)
    fresh[0] /= math.sqrt(1 - phi**2)
    return scipy.signal.lfilter([1], [1, -phi], fresh)


def pair(rng: np.random.Generator, metric: str, hours: float) -> tuple[np.ndarray, Predictions, Predictions]:
    truth = rng.integers(0, 2, size=ROWS) if metric == "roc_auc" else np.zeros(ROWS)
    both = SHARED * lasting(rng, hours)
    errors = [both + math.sqrt(1 - SHARED**2) * lasting(rng, hours) for _ in range(2)]
    if metric == "mae":
        return truth, Predictions(errors[0]), Predictions(errors[1])
    # Errors that vary over time: the larger the error at a time, the less certain the model.
    scores = [truth * np.exp(error) + rng.normal(size=ROWS) for error in errors]
    said = [
        Predictions((score > 1).astype(int), (0, 1), decisions=np.column_stack([-score, score])) for score in scores
    ]
    return truth, said[0], said[1]


def intervals(spec: ModelSpec, truth: np.ndarray, ours: Predictions, theirs: Predictions) -> Iterator[tuple[str, bool]]:
    """Yield each kind of interval, and whether it does not contain 0."""
    found = compare(spec, truth, ours, theirs, TIMES, confidence=CONFIDENCE)
    name, labels = found.metric, (0, 1) if ours.classes else None
    rows = [answered_rows(spec, truth, said, labels) for said in (ours, theirs)]

    def resampled(block: np.ndarray) -> np.ndarray:
        weights = resampled_weights(int(block.max()) + 1)
        first, second = (reweighted(name, answered, block)(weights) for answered in rows)
        return first - second

    def beyond(standard_error: float, quantile: float) -> bool:
        return abs(found.difference) > quantile * standard_error

    normal, student = (
        float(quantile((1 + CONFIDENCE) / 2)) for quantile in (scipy.stats.norm.ppf, scipy.stats.t(9).ppf)
    )
    # Every hundredth row in a block: such blocks have rows of all times, and so vary like single rows.
    yield "rows, normal", beyond(resampled(TIMES % 100).std(), normal)
    of_blocks = resampled(blocks_of_time(TIMES))
    low, high = np.quantile(of_blocks, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    yield "ten blocks, percentiles", not low <= 0 <= high
    yield "ten blocks, normal", beyond(found.standard_error, normal)
    yield "ten blocks, Student's t", beyond(found.standard_error, student)
    yield "and five, the wider (ours)", not found.low <= 0 <= found.high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    pairs = parser.parse_args().pairs
    for metric in METRICS:
        spec = spec_of(metric)
        print(
            f"{metric}: wrongly confident of {pairs:,} equal pairs, by correlation time (at most {1 - CONFIDENCE:.0%})"
        )
        table: dict[str, list[float]] = {}
        for hours in CORRELATION_HOURS:
            rng = np.random.default_rng(0)
            wrong = Counter[str]()
            for _ in range(pairs):
                wrong.update({kind: int(out) for kind, out in intervals(spec, *pair(rng, metric, hours))})
            for kind, count in wrong.items():
                table.setdefault(kind, []).append(count / pairs)
        print(f"{'':32}" + "".join(f"{hours:>7} h" for hours in CORRELATION_HOURS))
        for kind, rates in table.items():
            print(f"{kind:32}" + "".join(f"{rate:>9.1%}" for rate in rates))


if __name__ == "__main__":
    main()
