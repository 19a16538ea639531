"""The regression metrics: each a function of the same holdout that returns a number or raises Undefined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perennial.evaluation.undefined import Undefined


@dataclass(frozen=True)
class Residuals:
    """The truth and a model's predictions, both finite, shape (n,), in the target's unit.

    `weights` says how much each row counts in `reweighted`; None: all count the same.
    """

    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name, numbers in (("held-out targets", self.truth), ("predictions", self.predicted)):
            bad = int((~np.isfinite(numbers)).sum())
            if bad:
                raise Undefined(f"{bad:,} of the {numbers.size:,} {name} are NaN or infinite")

    @property
    def largest(self) -> float:
        """The largest absolute value of both."""
        return max(float(np.abs(numbers).max(initial=0)) for numbers in (self.truth, self.predicted))


def rmse(holdout: Residuals) -> float:
    """Root of the mean squared error, in the target's unit."""
    return float(np.sqrt(np.mean((holdout.truth - holdout.predicted) ** 2)))


def mae(holdout: Residuals) -> float:
    """Mean absolute error, in the target's unit."""
    return float(np.mean(np.abs(holdout.truth - holdout.predicted)))


def r2(holdout: Residuals) -> float:
    """Share of the target's variance that the model explains; negative: worse than the mean."""
    if np.ptp(holdout.truth) == 0:
        raise Undefined("the target is the same in every held-out row, so there is no variance to explain")
    spread = np.sum((holdout.truth - holdout.truth.mean()) ** 2)
    return float(1 - np.sum((holdout.truth - holdout.predicted) ** 2) / spread)


def mape(holdout: Residuals) -> float:
    """Mean of the absolute error as a share of the target: 0.1 is 10%."""
    zeros = int((holdout.truth == 0).sum())
    if zeros:
        raise Undefined(
            f"{zeros:,} of the {holdout.truth.size:,} held-out targets are 0, so the error has no share of them"
        )
    return float(np.mean(np.abs((holdout.truth - holdout.predicted) / holdout.truth)))


METRICS: dict[str, Callable[[Residuals], float]] = {"rmse": rmse, "mae": mae, "r2": r2, "mape": mape}
