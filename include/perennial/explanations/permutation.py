"""Permutation importance: by how much a metric gets worse if a feature's values are dealt anew among the rows.

Breiman (2001); by the metric that decides, on rows that the model has not learnt from, with its noise by blocks of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from perennial.evaluation.blocks import Ints
from perennial.evaluation.contributions import Contributions, contributions
from perennial.evaluation.judged import Judged
from perennial.evaluation.metrics import answered_rows, score
from perennial.evaluation.reweighted import reweighted
from perennial.evaluation.undefined import Undefined
from perennial.explanations.feature_model import FeatureModel
from perennial.models.predictions import Predictions
from perennial.spec import ModelSpec
from perennial.spec.metrics import LOWER_IS_BETTER

Drop = tuple[Contributions, ...]
"""By how much the metric gets worse, measured by each cut of the rows into blocks."""


@dataclass(frozen=True)
class Permuter:
    """Permutes features of one model on the same rows.

    Attributes
    ----------
    spec : ModelSpec
    model : FeatureModel
    features : pandas.DataFrame of n rows
    judged : Judged
        The rows, their truth, and the model's predictions as they are.
    cuts : sequence of numpy.ndarray of intp, shape (n,)
        Each row's block, for each cut into blocks.
    """

    spec: ModelSpec
    model: FeatureModel
    features: pd.DataFrame
    judged: Judged
    cuts: Sequence[Ints]

    def drop(self, names: Sequence[str], turn: int) -> Drop:
        """Return by how much the metric gets worse without some features.

        Parameters
        ----------
        names : sequence of str
            They are permuted together: each row gets all of them from one other row.
        turn : int
            Another turn is another permutation; of the same turn it is the same for all features and models.

        Raises
        ------
        Undefined
            The metric is not defined on these rows.
        """
        order = np.random.default_rng([self.spec.model.seed, turn]).permutation(len(self.features))
        permuted = self.features.copy()
        for name in names:
            permuted[name] = self.features[name].take(order).set_axis(self.features.index)
        sign = -1.0 if self._metric in LOWER_IS_BETTER else 1.0
        without = self._figures(self.model.predict(permuted))
        return tuple(ours.minus(theirs, sign) for ours, theirs in zip(self._as_it_is, without, strict=True))

    @cached_property
    def _as_it_is(self) -> Drop:
        return self._figures(self.judged.models[0])

    @property
    def _metric(self) -> str:
        return self.spec.evaluation.primary

    def _figures(self, said: Predictions) -> Drop:
        judged = self.judged
        answered = answered_rows(self.spec, judged.truth, said, judged.labels, judged.weights)
        figure = [contributions(reweighted(self._metric, answered, cut), cut, int(cut.max()) + 1) for cut in self.cuts]
        if not all(np.isfinite(one.value) for one in figure):
            scored = score(
                self.spec, judged.truth, said, labels=judged.labels, only=self._metric, weights=judged.weights
            )
            raise Undefined(scored.undefined.get(self._metric, f"{self._metric} is not defined on these rows"))
        return tuple(figure)


def mean_drop(turns: Sequence[Drop]) -> Drop:
    """Return the mean of the drops of several turns, cut by cut."""
    return tuple(
        Contributions(
            float(np.mean([one.value for one in cut])), np.mean([one.influence for one in cut], axis=0), cut[0].share
        )
        for cut in zip(*turns, strict=True)
    )


def moved(candidate: Drop, champion: Drop) -> Drop:
    """Return the candidate's drop less the champion's, on the same rows."""
    return tuple(ours.minus(theirs, 1.0) for ours, theirs in zip(candidate, champion, strict=True))
