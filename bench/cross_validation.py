"""CPU time of cross-validation, as a ratio to the same folds by hand with scikit-learn.

    python -m bench.cross_validation [--rounds N]

The rows are the flights from New York of January and February 2013, the folds five by time. By hand means scikit-learn's
`cross_validate` with the same pipeline, the same folds and the nine metrics that both compute. The two sides take turns, and
must find the same areas under the ROC curve. A second figure is by hand with that metric only, which is less work than ours.
The limit holds for the demo's own estimator; the logistic regression shows what is added to a fold that is fitted faster.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import cross_validate as sklearn_cross_validate

from demo.flights import month_of_flights
from perennial.data.folds import Fold, plan_folds
from perennial.data.split import split_by_time
from perennial.spec import ModelSpec, load_spec
from perennial.training.cross_validation import cross_validate
from perennial.training.pipeline import build_pipeline

LIMIT = 1.1
DEMO = Path(__file__).parents[1] / "dags" / "models" / "flight_delay.yaml"
LOGISTIC = {"estimator": "sklearn.linear_model.LogisticRegression", "params": {"max_iter": 300}}
METRICS = (
    "roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "accuracy", "balanced_accuracy", "precision",
    "recall", "f1",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    spec = load_spec(DEMO)
    rows = pd.concat([month_of_flights(1), month_of_flights(2)], ignore_index=True)
    train = split_by_time(rows.assign(late=rows["late"].astype("float64")), spec).train
    ratios = [ratio(with_estimator(spec, model), train, rounds) for model in ({}, LOGISTIC)]
    sys.exit(ratios[0] > LIMIT)


def with_estimator(spec: ModelSpec, model: dict[str, Any]) -> ModelSpec:
    """Return the spec with another estimator; an empty mapping changes nothing."""
    content = spec.model_dump(exclude_unset=True)
    return ModelSpec.model_validate(content | {"model": model or content["model"]})


def ratio(spec: ModelSpec, train: pd.DataFrame, rounds: int) -> float:
    """Measure both sides for one spec, print them, and return the ratio of their medians."""
    folds = plan_folds(train, spec)
    ours, same, less = [], [], []
    for _ in range(rounds):
        found, seconds = timed(lambda: cross_validate(spec, train, plan_folds(train, spec)))
        ours.append(seconds)
        for metrics, side in ((METRICS, same), (METRICS[:1], less)):
            expected, seconds = timed(lambda: in_sklearn(spec, train, folds, metrics))  # noqa: B023, called at once
            np.testing.assert_allclose(found.scores["roc_auc"].folds, expected["test_roc_auc"], rtol=1e-9)
            side.append(seconds)
    our, by_hand, with_less = map(statistics.median, (ours, same, less))
    print(
        f"{spec.model.estimator.rpartition('.')[2]}, {len(train):,} rows, {len(folds)} folds, median of {rounds}: ours "
        f"{our:.2f} CPU s, by hand {by_hand:.2f}, ratio {our / by_hand:.2f} (limit {LIMIT}); with one metric "
        f"{with_less:.2f}, ratio {our / with_less:.2f}",
        flush=True,
    )
    return our / by_hand


def in_sklearn(spec: ModelSpec, train: pd.DataFrame, folds: tuple[Fold, ...], metrics: tuple[str, ...]) -> Any:
    inputs, labels = train[list(spec.features.input_columns)], train[spec.target.column].to_numpy()
    splits = [(fold.train, fold.test) for fold in folds]
    return sklearn_cross_validate(build_pipeline(spec), inputs, labels, cv=splits, scoring=metrics)


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    return action(), time.process_time() - began


if __name__ == "__main__":
    main()
