from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perennial.drift.charts.beside import Beside

SPECIAL = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0])
VALUES = st.lists(st.one_of(SPECIAL, st.integers(-3, 3).map(float), st.floats(-10, 10)), max_size=80)


@given(reference=VALUES, batch=VALUES)
def test_a_column_alone_is_its_mid_rank_among_the_references_values(reference, batch):
    values = np.array(batch, dtype=np.float64)
    beside, _ = Beside.fit({"x": np.array(reference, dtype=np.float64)})
    points = beside.quantiles["x"]
    if points.size:
        below, up_to = (np.searchsorted(points, values, side) for side in ("left", "right"))
        expected = ((below + up_to) / 2 / points.size - 0.5) * np.sqrt(12)
    else:
        expected = np.zeros(values.size)
    expected[np.isnan(values)] = np.nan
    np.testing.assert_allclose(beside.of({"x": values})["x"], expected, rtol=0, atol=1e-12)


def test_what_is_left_of_the_fitted_rows_is_what_the_fit_gives_for_them():
    rng = np.random.default_rng(0)
    season = rng.normal(size=2_000)
    columns = {"warm": season + rng.normal(size=2_000) / 4, "dew": season, "wind": rng.normal(size=2_000)}
    columns["wind"][::7] = np.nan
    beside, left = Beside.fit(columns)
    for name, again in beside.of(columns).items():
        np.testing.assert_array_equal(left[name], again)
    assert np.nanstd(left["dew"]) < 0.5 < 0.9 < np.nanstd(left["wind"])
