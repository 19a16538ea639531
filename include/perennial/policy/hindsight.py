"""The bound: the best moments to train, found with all scores known in advance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Best:
    """The best path with a number of trainings.

    Attributes
    ----------
    score : float
        Mean over the batches.
    trained : tuple of int
        Numbers of the batches after which it trains.
    """

    score: float
    trained: tuple[int, ...]


def best_paths(scores: npt.NDArray[np.float64], *, greater_is_better: bool) -> list[Best]:
    """Return the best path with at most 0, 1, 2, ... trainings, by dynamic programming.

    Parameters
    ----------
    scores : array of shape (n, n)
        `scores[m, b]` is the score, on batch b + 1, of the model trained at the end of batch m; 0 is the first model.
        Only b >= m counts. A batch with NaN among these scores is left out; a model that could not be trained has NaN
        in all.
    greater_is_better : bool

    Returns
    -------
    list of Best
        n paths. A policy that trains as often and promotes every model cannot score better.
    """
    n = len(scores)
    usable = [not np.isnan(scores[m, m:]).all() for m in range(n)]
    known = [not any(usable[m] and np.isnan(scores[m, b]) for m in range(b + 1)) for b in range(n)]
    if not any(known):
        return [Best(float("nan"), ()) for _ in range(n)]
    worth = np.where(known, scores if greater_is_better else -scores, 0.0)
    # State: the model that serves and the number of trainings -> best sum so far, and the path to it.
    best: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {(0, 0): (0.0, ())}
    for b in range(n):
        if b and usable[b]:
            for count in range(b):
                before = [found for (_, used), found in best.items() if used == count]
                if before:
                    total, path = max(before, key=lambda found: found[0])
                    best[b, count + 1] = (total, (*path, b))
        best = {state: (total + worth[state[0], b], path) for state, (total, path) in best.items()}
    paths = []
    for most in range(n):
        total, path = max((found for (_, used), found in best.items() if used <= most), key=lambda found: found[0])
        mean = total / sum(known)
        paths.append(Best(float(mean if greater_is_better else -mean), path))
    return paths
