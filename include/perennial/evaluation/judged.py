"""The held-out rows that the models are judged on, with their predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from perennial.evaluation.blocks import Ints, blocks_of_entities, blocks_of_time
from perennial.evaluation.bootstrap import FEWEST_BLOCKS
from perennial.models.predictions import Label, Predictions
from perennial.spec import ModelSpec

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """Rows with their truth and the predictions of the models, candidate first, of which there are one or two."""

    rows: pd.DataFrame
    truth: npt.NDArray[Any]
    models: tuple[Predictions, ...]
    labels: tuple[Label, ...] | None = None
    """The task's labels (classification)."""
    weights: npt.NDArray[np.float64] | None = None
    """How much each row counts; None: all count the same."""

    def at(self, chosen: Mask) -> Judged:
        """Return only some of the rows."""
        weights = self.weights[chosen] if self.weights is not None else None
        models = tuple(model.at(chosen) for model in self.models)
        return Judged(self.rows[chosen], self.truth[chosen], models, self.labels, weights)

    def blocks(self, spec: ModelSpec) -> list[Ints]:
        """Cut the rows into blocks of time and, if the spec names an entity that repeats, of entities."""
        moments = self.rows[spec.source.event_time].astype("int64").to_numpy()
        entity = spec.watch.drift.entity
        if entity not in self.rows:
            return [blocks_of_time(moments)]
        entities = blocks_of_entities(self.rows[entity].to_numpy(dtype=object), moments)
        return [blocks_of_time(moments), *([entities] if entities.max(initial=0) + 1 >= FEWEST_BLOCKS else [])]
