"""The level of the losses: how far a batch's mean loss lies from what was expected, in deviations of one row's loss."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from perennial.record import Record

JUMP = 1.0
"""Deviations from which the level has jumped. On three streams no quiet batch came so far (0.95 at most), and of
classifiers and regressions whose labels were flipped all but a few did."""


class LossLevel(Record):
    """Mean and deviation of the losses on rows that the model was not fitted on."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, losses: npt.ArrayLike) -> LossLevel | None:
        """Return the level of losses, leaving out those that are not finite; None where they do not vary."""
        given = np.asarray(losses, dtype=np.float64)
        finite = given[np.isfinite(given)]
        if not finite.size or not np.ptp(finite) > 0:
            return None
        return cls(mean=float(finite.mean()), deviation=float(finite.std()))

    def rise(self, losses: npt.ArrayLike) -> float:
        """Return how far the mean of a batch's losses lies above this level, in deviations; NaN where none is finite."""
        given = np.asarray(losses, dtype=np.float64)
        finite = given[np.isfinite(given)]
        return (float(finite.mean()) - self.mean) / self.deviation if finite.size else math.nan
