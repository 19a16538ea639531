"""The bound is what trying all paths finds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.policy.hindsight import best_paths


def tried(scores: np.ndarray, most: int, better: int) -> float:
    n = len(scores)
    paths = [path for count in range(most + 1) for path in combinations(range(1, n), count)]
    means = []
    for path in paths:
        serves = [max(m for m in (0, *path) if m <= b) for b in range(n)]
        means.append(np.mean([scores[m, b] for b, m in enumerate(serves)]))
    return better * max(better * mean for mean in means)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.booleans())
def test_no_path_beats_it_and_one_reaches_it(n, seed, greater_is_better):
    scores = np.random.default_rng(seed).normal(size=(n, n))
    better = 1 if greater_is_better else -1
    for most, best in enumerate(best_paths(scores, greater_is_better=greater_is_better)):
        assert best.score == pytest.approx(tried(scores, most, better))
        assert len(best.trained) <= most
        serves = [max(m for m in (0, *best.trained) if m <= b) for b in range(n)]
        assert np.mean([scores[m, b] for b, m in enumerate(serves)]) == pytest.approx(best.score)


def test_a_model_that_could_not_be_trained_never_serves_and_an_undefined_batch_counts_for_nobody():
    scores = np.array([[1.0, 1.0, np.nan, 1.0], [0, np.nan, np.nan, np.nan], [0, 0, 5.0, 2.0], [0, 0, 0, 9.0]])
    best = best_paths(scores, greater_is_better=True)[-1]
    assert best.trained == (3,) or best.trained == (2, 3)
    assert best.score == pytest.approx((1 + 1 + 9) / 3)
