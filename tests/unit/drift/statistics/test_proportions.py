from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from perennial.drift import proportions_pvalue


def test_few_expected_hits_are_tested_exactly():
    assert proportions_pvalue(0, 1000, 2, 20) == pytest.approx(fisher_exact([[0, 1000], [2, 18]]).pvalue)


def test_many_hits_are_tested_by_z_which_is_the_root_of_chi_square():
    table = [[300, 700], [180, 320]]
    assert proportions_pvalue(300, 1000, 180, 500) == pytest.approx(chi2_contingency(table, correction=False).pvalue)


@pytest.mark.parametrize(("hits_a", "hits_b"), [(0, 0), (1000, 20)])
def test_none_or_all_in_both_is_no_difference(hits_a, hits_b):
    assert proportions_pvalue(hits_a, 1000, hits_b, 20) == 1


def test_rows_that_count_for_less_say_less():
    independent = proportions_pvalue(100, 1000, 160, 1000)
    assert proportions_pvalue(100, 1000, 160, 1000, weights=(0.1, 0.1)) > independent
    assert proportions_pvalue(100, 1000, 160, 1000, weights=(0.1, 0.1)) == pytest.approx(
        proportions_pvalue(10, 100, 16, 100)
    )


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3])
def test_false_alarms_hold_the_level(share):
    rng = np.random.default_rng(1)
    hits = rng.binomial(20_000, share, size=2000), rng.binomial(500, share, size=2000)
    alarms = np.mean([proportions_pvalue(a, 20_000, b, 500) < 0.05 for a, b in zip(*hits, strict=True)])
    assert alarms <= 0.065
