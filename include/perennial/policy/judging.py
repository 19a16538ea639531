"""Compares a candidate with the champions on its holdout, as at the time of its verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from perennial.evaluation.comparison import Comparison, compare
from perennial.policy.matrix import Matrix
from perennial.spec.metrics import LOWER_IS_BETTER

Gate = float | Literal["none", "noise"]
"""What a candidate must show on its holdout. `none`: nothing. `noise`: that it is not worse than the champion by more
than one standard error. A number: that it is better, or worse by less than the number; 0: that it is better."""


@dataclass(frozen=True)
class Judgement:
    """The result of a candidate on its holdout.

    Attributes
    ----------
    candidate : int
        Number of the candidate.
    rival : int
        Number of the newest champion.
    comparison : Comparison
        Comparison of the champions with the candidate and those without.
    bounded : bool
        Whether there are as many rows as the spec asks for, and its `minimum` and `maximum` are met.
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
    """Compare the champions' predictions with those after a promotion of the candidate: with it, or by it alone.

    The judged models are compared, not their refits, since these have learnt from the rows.

    Parameters
    ----------
    matrix : Matrix
    candidate : int
        Number of the candidate.
    champions : sequence of int
        Numbers of the models that serve, ascending, without the one that the candidate would replace.
    alone : bool
        Whether the candidate would serve alone.
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
        weights=matrix.weights[rows] if matrix.weights is not None else None,
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
