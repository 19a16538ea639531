from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from perennial.drift import benjamini_hochberg


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_equals_scipy(pvalues):
    np.testing.assert_allclose(benjamini_hochberg(pvalues), false_discovery_control(pvalues), rtol=1e-12, atol=0)


def test_no_tests_no_pvalues():
    assert benjamini_hochberg([]).size == 0
