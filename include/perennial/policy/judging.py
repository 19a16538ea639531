"""A candidate against the champions on its holdout, as at the moment of its verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from perennial.evaluation.comparison import Comparison, compare
from perennial.policy.matrix import Matrix
from perennial.spec.metrics import LOWER_IS_BETTER

Gate = float | Literal["none", "noise"]
"""What a candidate has to show on its holdout. `none`: nothing. `noise`: that it is not worse than the champion by more than
a standard error. A number: that it is better, or worse by less than that; 0: better."""


@dataclass(frozen=True)
class Judgement:
    """What a candidate's holdout says of it.

    Attributes
    ----------
    candidate : int
    rival : int
        The newest champion.
    comparison : Comparison
        Of the champions with the candidate among them against those without.
    bounded : bool
        It has the rows that the spec asks for, and keeps to its `minimum` and `maximum`.
    """

    candidate: int
    rival: int
    comparison: Comparison
    bounded: bool

    def passes(self, gate: Gate) -> bool:
        """Tell whether the candidate becomes champion."""
        if gate == "none":
            return True
        if not self.bounded or not math.isfinite(self.comparison.difference):
            return False
        if gate == "noise":
            error = self.comparison.standard_error
            return self.comparison.difference >= (-error if math.isfinite(error) else 0.0)
        return self.comparison.difference > -gate


def judge(matrix: Matrix, candidate: int, champions: Sequence[int], *, alone: bool) -> Judgement:
    """Compare what the champions say with the candidate among them, or in their place, with what they say without.

    The models from before their refits are compared: none has learnt from these rows.

    Parameters
    ----------
    matrix : Matrix
    candidate : int
    champions : sequence of int
        Ascending; those that serve, without the one that would make room for the candidate.
    alone : bool
        The candidate would serve alone.
    """
    key = (candidate, tuple(champions), alone)
    found: Judgement | None = matrix.judgements.get(key)
    if found is None:
        found = matrix.judgements[key] = _judged(matrix, candidate, champions, alone=alone)
    return found


def _judged(matrix: Matrix, candidate: int, champions: Sequence[int], *, alone: bool) -> Judgement:
    model = matrix.models[candidate]
    start = max(model.twin_from, *(matrix.unseen(number, refit=False) for number in champions))
    rows = slice(start, model.served_from)
    now = matrix.together(champions, candidate, refit=False)
    then = matrix.together([candidate] if alone else [*champions, candidate], candidate, refit=False)
    comparison = compare(
        matrix.spec,
        matrix.truth[rows],
        matrix.predictions(then, rows),
        matrix.predictions(now, rows),
        matrix.times[rows],
        labels=matrix.labels,
    )
    return Judgement(candidate, champions[-1], comparison, _bounded(matrix, candidate, rows))


def _bounded(matrix: Matrix, candidate: int, rows: slice) -> bool:
    gates = matrix.spec.evaluation.gates
    said = matrix.predictions(matrix.together([candidate], candidate, refit=False), rows)
    if rows.stop - rows.start < gates.min_rows:
        return False
    for name, bound in {**gates.minimum, **gates.maximum}.items():
        value = matrix.measure(said, rows, name)
        if not (value <= bound if name in LOWER_IS_BETTER else value >= bound):
            return False
    return True
