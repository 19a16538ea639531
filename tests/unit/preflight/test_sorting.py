from __future__ import annotations

import pytest

from perennial.preflight.sorting import avx512_features, check_sorting, sorting_advice


@pytest.mark.parametrize(
    ("vector", "plain", "features", "advised"),
    [
        (57, 80, ("X86_V4", "AVX512_ICL"), True),
        (17, 80, (), False),
        (7, 80, ("X86_V4",), False),
        # Slow, and not by AVX-512: there is nothing to switch off.
        (75, 80, (), False),
    ],
)
def test_avx512_is_advised_against_only_where_it_sorts_slowly(vector, plain, features, advised):
    advice = sorting_advice(vector, plain, features)
    assert f"{vector} ns a value" in advice
    assert ('NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL"' in advice) is advised


def test_this_machine_is_measured():
    assert check_sorting().startswith("numpy sorts at ")
    assert all(name.startswith(("X86_V4", "AVX512")) for name in avx512_features())
