"""The pruned search for D: equal to looking at every row, and reading little of the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.drift.statistics import ecdf as module
from perennial.drift.statistics.ecdf import Ecdf


def distance_by_every_row(reference, batch):
    pooled = np.concatenate([reference, batch])
    upto = (
        np.searchsorted(reference, pooled, "right") * batch.size
        - np.searchsorted(batch, pooled, "right") * reference.size
    )
    return int(np.abs(upto).max())


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 3000),
    m=st.integers(1, 3000),
    edges=st.integers(2, 60),
    decimals=st.sampled_from([0, 1, 2, 8]),
    shift=st.sampled_from([0.0, 0.05, 1.0, 10.0]),
    stretch=st.sampled_from([0.2, 1.0, 3.0]),
)
def test_pruned_distance_is_exact_however_few_the_edges(seed, n, m, edges, decimals, shift, stretch):
    rng = np.random.default_rng(seed)
    reference = np.sort(rng.normal(size=n).round(decimals))
    batch = np.sort((rng.normal(size=m) * stretch + shift).round(decimals))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_EDGES", edges)
        prepared = Ecdf.of(reference)
    distance = prepared.distance(batch)
    assert distance.numerator == distance_by_every_row(reference, batch)
    assert distance.statistic == distance.numerator / (n * m)
    assert max(distance.higher, distance.lower) <= distance.statistic


def test_values_are_narrowed_only_where_nothing_is_lost():
    whole = np.arange(20_000.0)
    assert Ecdf.of(whole).values.dtype == np.float32
    assert Ecdf.of(whole / 3).values.dtype == np.float64
    assert Ecdf.of(np.append(whole, np.inf)).values.dtype == np.float32


def test_few_distinct_values_need_no_rows_at_all():
    prepared = Ecdf.of(np.sort(np.random.default_rng(0).integers(0, 1000, 50_000).astype(float)))
    assert prepared.values.size == 0
    assert prepared.edges.size == 1000


def test_quantiles_and_shares_are_those_of_the_values():
    prepared = Ecdf.of(np.arange(1.0, 1001.0))
    assert prepared.quantile(0.5) == 500
    assert prepared.share_upto(250) == 0.25
    assert prepared.share_upto(0) == 0
    assert prepared.share_upto(5000) == 1
