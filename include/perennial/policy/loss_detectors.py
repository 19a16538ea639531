"""Detectors of another library as triggers, if it is installed, to compare the tests of this package with."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from perennial.models.losses import row_losses
from perennial.policy.matrix import Matrix, Together


@dataclass
class LossDetector:
    """Trains whenever a detector finds a change in the losses of the matured rows, without a governor.

    Attributes
    ----------
    matrix : Matrix
    refit : bool
    make : callable
        Returns a new detector of river, with `update(value)` and `drift_detected`. Each champion has its own.
    """

    matrix: Matrix
    refit: bool
    make: Callable[[], Any]
    cpu_seconds: float = 0.0
    _watched: int | None = None
    _detector: Any = field(default=None, repr=False)

    def due(self, batch: int, champion: int) -> bool:
        """See Schedule."""
        began = time.process_time()
        if champion != self._watched:
            self._watched, self._detector = champion, self.make()
        start, stop = self.matrix.newest[batch].tolist()
        rows = slice(max(start, self.matrix.unseen(champion, refit=self.refit)), stop)
        found = False
        if rows.start < rows.stop:
            said = self.matrix.predictions(Together((champion,), (1.0,), self.refit), rows)
            losses = row_losses(said, self.matrix.rows[self.matrix.spec.target.column].iloc[rows])
            for loss in losses[np.isfinite(losses)].tolist():
                self._detector.update(loss)
                found |= bool(self._detector.drift_detected)
        self.cpu_seconds += time.process_time() - began
        return found


def installed_detectors() -> Mapping[str, type[Any]]:
    """Return name -> ADWIN and Page-Hinkley of river, with their own defaults; empty if river is not installed."""
    if importlib.util.find_spec("river") is None:
        return {}
    from river.drift import ADWIN, PageHinkley

    return {"adwin": ADWIN, "river_page_hinkley": PageHinkley}
