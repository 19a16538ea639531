"""Fits a booster with checkpoints. Started by test_checkpoints.py; an order has "store", "rounds" and "every_s"."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from perennial.models.boosted import BoostedRegressor
from perennial.store import LocalStore
from perennial.training.checkpoints.checkpoints import Checkpoints
from tests.integration.killed_process import Order, obey

ROWS = np.random.default_rng(5).normal(size=(4000, 20))
TARGET = ROWS[:, 0] * ROWS[:, 1] + np.random.default_rng(6).normal(size=4000)


class Counted(BoostedRegressor):
    """Counts its rounds in a file that outlives the process."""

    def fit_from(self, start: bytes | None, after_round: Any, *rows: Any) -> Any:
        """Write a line for each round."""

        def counted(booster: Any) -> None:
            with Path("rounds").open("a") as file:
                file.write(f"{booster.current_iteration()}\n")
            after_round(booster)

        return super().fit_from(start, counted, *rows)


def fit(order: Order) -> list[float]:
    """Fit from the newest checkpoint on, and return some predictions."""
    own = lightgbm.LGBMRegressor(n_estimators=order["rounds"], num_leaves=63, n_jobs=1, random_state=1)
    booster = Counted(own)
    checkpoints = Checkpoints(LocalStore(order["store"]), "late", "a" * 64, order["every_s"])
    checkpoints.train(booster, checkpoints.find(), ROWS, TARGET, None)
    return [float(one) for one in booster.predict(ROWS[:200])]


if __name__ == "__main__":
    obey(fit, Path(json.loads(sys.argv[1])["answer"]))
