"""Fits estimators with checkpoints. Started by test_checkpoints.py; an order has "store" and "estimator"."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import xgboost
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.neural_network import MLPRegressor

from perennial.models.boosted import BoostedRegressor
from perennial.store import LocalStore
from perennial.training.checkpoints import checkpoints
from tests.integration.killed_process import Order, obey

ROWS = np.random.default_rng(5).normal(size=(1000, 8))
TARGET = ROWS[:, 0] * ROWS[:, 1] + np.random.default_rng(6).normal(size=1000)
BOOSTER = {"n_estimators": 40, "n_jobs": 1, "random_state": 1}
ESTIMATORS = {
    "LightGBM": BoostedRegressor(lightgbm.LGBMRegressor(**BOOSTER)),
    "XGBoost": BoostedRegressor(xgboost.XGBRegressor(**BOOSTER)),
    "forest": RandomForestRegressor(10, random_state=1),
    "boosting": GradientBoostingRegressor(n_estimators=10, subsample=0.5, random_state=1),
    "network": MLPRegressor(hidden_layer_sizes=(8,), max_iter=15, random_state=1),
}
EVERY_PART_S = 1e-9


def fit(order: Order) -> list[float]:
    """Fit from the newest checkpoint on, count iterations in a file that outlives the process, and return some predictions."""
    in_parts, estimator = checkpoints.fit_in_parts, ESTIMATORS[order["estimator"]]

    def counted(estimator: Any, state: bytes | None, after_part: Any, *rows: Any, part_s: float) -> None:
        def after(made: int, write: Any) -> None:
            with Path("iterations").open("a") as file:
                file.write(f"{made}\n")
            after_part(made, write)

        in_parts(estimator, state, after, *rows, part_s=part_s)

    checkpoints.fit_in_parts = counted
    kept = checkpoints.Checkpoints(LocalStore(order["store"]), "late", "a" * 64, EVERY_PART_S)
    kept.train(estimator, kept.find(), ROWS, TARGET, None)
    return [float(one) for one in estimator.predict(ROWS[:200])]


if __name__ == "__main__":
    obey(fit, Path(json.loads(sys.argv[1])["answer"]))
