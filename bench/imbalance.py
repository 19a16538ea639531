"""What class weights, resampling, calibration and thresholds do to a model of the flights, beside scikit-learn by hand.

    python -m bench.imbalance [--estimator PATH]

The rows are the flights from New York of January to April 2013, of which every fourth late one is kept, so that late ones are
rare. The last month is held out. A missed late flight costs ten times what a false alarm costs. Ours chooses thresholds and
calibrators on five folds by time; by hand means scikit-learn's TunedThresholdClassifierCV and CalibratedClassifierCV, with five
random folds, as they are by default, around the same pipeline.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV

from bench.cross_validation import DEMO, with_estimator
from demo.flights import month_of_flights
from perennial.data.split import Split, split_by_time
from perennial.evaluation.metrics import score
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec, load_spec
from perennial.training.fit import prepare_fit
from perennial.training.pipeline import build_pipeline

COSTS = {"labels": [0, 1], "matrix": [[0, 1], [10, 0]]}
SHOWN = ("roc_auc", "brier", "f1", "expected_cost")
BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"


def sampler(path: str) -> dict[str, Any]:
    return {"imbalance": {"resampling": {"sampler": f"imblearn.{path}"}}}


SETTINGS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "class weights": {"imbalance": {"class_weights": "balanced"}},
    "undersampled": sampler("under_sampling.RandomUnderSampler"),
    "SMOTENC": sampler("over_sampling.SMOTENC"),
    "calibrated (isotonic)": {"calibration": "isotonic"},
    "class weights, calibrated": {"imbalance": {"class_weights": "balanced"}, "calibration": "isotonic"},
    "undersampled, calibrated": {**sampler("under_sampling.RandomUnderSampler"), "calibration": "isotonic"},
    "threshold for f1": {"imbalance": {"threshold": "f1"}},
    "threshold for the costs": {"imbalance": {"threshold": "expected_cost"}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimator", default=BOOSTING)
    estimator = parser.parse_args().estimator
    split = rare_split(load_spec(DEMO))
    truth = split.holdout["late"].to_numpy()
    print(f"{len(split.train):,} training rows, {len(truth):,} held out, {truth.mean():.1%} of them late; {estimator}")
    print(f"{'':32}" + "".join(f"{name:>15}" for name in SHOWN) + f"{'s':>8}")
    plain = with_settings(estimator, {})
    for name, settings in SETTINGS.items():
        spec, began = with_settings(estimator, settings), time.perf_counter()
        fit = prepare_fit(spec, split.train)
        fit.run()
        seconds = time.perf_counter() - began
        show(name, score(plain, truth, fit.model.predict(split.holdout)).metrics, seconds)
    for name, model in by_hand(plain).items():
        began = time.perf_counter()
        model.fit(split.train[list(plain.features.input_columns)], split.train["late"])
        seconds, inputs = time.perf_counter() - began, split.holdout[list(plain.features.input_columns)]
        said = Predictions(model.predict(inputs), (0, 1), probabilities=model.predict_proba(inputs))
        show(f"by hand: {name}", score(plain, truth, said).metrics, seconds)


def rare_split(spec: ModelSpec) -> Split:
    """Return training rows and holdout of the flights, with a quarter of the late ones."""
    rows = pd.concat([month_of_flights(month) for month in (1, 2, 3, 4)], ignore_index=True)
    rows = rows.assign(late=rows["late"].astype("float64"))
    late = rows.index[rows["late"] == 1]
    return split_by_time(rows.drop(late[np.arange(len(late)) % 4 > 0]).reset_index(drop=True), spec)


def with_settings(estimator: str, settings: dict[str, Any]) -> ModelSpec:
    imbalance = {**settings.get("imbalance", {}), "costs": COSTS}
    params = {} if estimator == BOOSTING else {"max_iter": 300}
    content = {"estimator": estimator, "params": params, **settings, "imbalance": imbalance}
    return with_estimator(load_spec(DEMO), content)


def by_hand(spec: ModelSpec) -> dict[str, Any]:
    pipeline, costs = build_pipeline(spec), np.array(COSTS["matrix"])
    saved = make_scorer(lambda truth, said: -costs[truth, said].mean())
    return {
        "calibrated": CalibratedClassifierCV(pipeline, method="isotonic", ensemble=False),
        "threshold, f1": TunedThresholdClassifierCV(pipeline, scoring="f1"),
        "threshold, costs": TunedThresholdClassifierCV(pipeline, scoring=saved),
    }


def show(name: str, metrics: dict[str, float], seconds: float) -> None:
    print(f"{name:32}" + "".join(f"{metrics[shown]:15.4f}" for shown in SHOWN) + f"{seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()
