from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from perennial.drift.charts.chart_file import load_chart, save_chart
from perennial.drift.charts.chart_state import ChartState
from perennial.drift.charts.control_chart import ControlChart
from perennial.drift.charts.pieces import label_profile
from perennial.drift.charts.profile import Grid, shares_of, smirnov
from perennial.errors import DataError

FRESH = ChartState(reference="r")


def seasons(rows: int, start: int = 0, *, seed: int = 0) -> pd.DataFrame:
    """Two columns that a season moves together, and one that stays."""
    rng = np.random.default_rng([seed, start])
    season = 3 * np.sin(2 * np.pi * (start + np.arange(rows)) / 4_000)
    warm = season + rng.normal(size=rows)
    return pd.DataFrame({"warm": warm, "dew": warm + 0.3 * rng.normal(size=rows), "wind": rng.normal(size=rows)})


@pytest.fixture(scope="module")
def chart() -> ControlChart:
    return ControlChart.of_numbers(seasons(6_000), ["warm", "dew", "wind"])


def exceeded(chart: ControlChart, batch: pd.DataFrame, state: ChartState = FRESH) -> list[str]:
    judged, _ = chart.judge(batch, state, level=0.01)
    return [name for name, found in judged.items() if found.exceeded or found.missing_exceeded]


def test_a_season_is_quiet_and_moves_the_columns_far_from_the_training_rows(chart):
    state, far = FRESH, []
    for start in range(6_000, 12_000, 600):
        batch = seasons(600, start)
        judged, state = chart.judge(batch, state, level=0.01)
        assert not any(found.exceeded for found in judged.values())
        far.append(ks_2samp(seasons(6_000)["warm"], batch["warm"]).statistic)
    assert max(far) > 0.5


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.assign(warm=rows["warm"] + 2),
        lambda rows: rows.assign(dew=rows["dew"] * 10),
        lambda rows: rows.assign(warm=rows["wind"], wind=rows["warm"]),
        lambda rows: rows.assign(wind=rows["wind"].where(np.arange(len(rows)) % 5 > 0)),
    ],
    ids=["shifted", "rescaled", "swapped", "missing"],
)
def test_an_abrupt_change_is_found_in_the_first_batch_and_as_long_as_it_lasts(chart, change):
    _, state = chart.judge(seasons(600, 6_000), FRESH, level=0.01)
    for start in (6_600, 7_200):
        assert exceeded(chart, change(seasons(600, start)), state)
        _, state = chart.judge(change(seasons(600, start)), state, level=0.01)


def test_a_batch_that_is_out_of_the_ordinary_teaches_nothing(chart):
    batch = seasons(600, 6_000)
    _, ordinary = chart.judge(batch, FRESH, level=0.01)
    _, after = chart.judge(batch.assign(warm=batch["warm"] + 5), FRESH, level=0.01)
    assert after == FRESH
    assert len(ordinary.columns["warm"].distances) == 1


def test_chance_alone_puts_hardly_ever_a_column_out_of_the_ordinary():
    rng = np.random.default_rng(1)
    names = [f"x{i}" for i in range(10)]
    chart = ControlChart.of_numbers(dict(zip(names, rng.normal(size=(10, 5_000)), strict=True)), names)
    for rows in (40, 300, 3_000):
        batches = [pd.DataFrame(rng.normal(size=(rows, 10)), columns=names) for _ in range(60)]
        assert np.mean([bool(exceeded(chart, batch)) for batch in batches]) <= 0.05


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 8), st.booleans())
def test_a_grid_distance_is_kolmogorov_smirnovs_at_the_grid_and_never_more(seed, rows, values, labels):
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, values, size=(2, rows)).astype(float)
    if labels:
        grid = Grid(np.array([str(value) for value in range(values)]))
        shares = [shares_of(label_profile(grid, sample)) for sample in (one, other)]
        counted = [pd.Series(sample).value_counts(normalize=True) for sample in (one, other)]
        assert grid.distances(*shares) == pytest.approx(counted[0].sub(counted[1], fill_value=0).abs().sum() / 2)
        return
    exact = ks_2samp(one, other).statistic
    everywhere, somewhere = Grid(np.arange(values, dtype=float)), Grid(np.array([values // 2], dtype=float))
    assert everywhere.distances(everywhere.count(one) / rows, everywhere.count(other) / rows) == pytest.approx(exact)
    assert somewhere.distances(somewhere.count(one) / rows, somewhere.count(other) / rows) <= exact + 1e-12


def test_the_limit_of_chance_is_smirnovs():
    from scipy.stats import kstwobign

    for level in (0.05, 0.001):
        assert smirnov((100, 300), level) == pytest.approx(kstwobign.isf(level) * np.sqrt(1 / 100 + 1 / 300), rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 1e6), st.floats(-1e6, 1e6))
def test_another_unit_from_the_beginning_changes_nothing(scale, offset):
    def told(rows):
        return rows.assign(warm=rows["warm"] * scale + offset)

    one = ControlChart.of_numbers(seasons(2_000), ["warm", "dew"]).judge(seasons(300, 2_000), FRESH, level=0.01)[0]
    other = ControlChart.of_numbers(told(seasons(2_000)), ["warm", "dew"])
    judged = other.judge(told(seasons(300, 2_000)), FRESH, level=0.01)[0]
    assert judged["warm"].distance == pytest.approx(one["warm"].distance, abs=0.02)


def test_a_new_category_and_one_that_moved_are_found_and_the_usual_to_and_fro_is_not():
    rng = np.random.default_rng(2)

    def kinds(rows, shares):
        return pd.DataFrame({"kind": rng.choice(list("abcd"), size=rows, p=shares)})

    chart = ControlChart.of_labels(
        pd.concat([kinds(500, [0.6, 0.3, 0.1, 0]), kinds(500, [0.5, 0.4, 0.1, 0])] * 5), ["kind"]
    )
    assert not exceeded(chart, kinds(500, [0.6, 0.3, 0.1, 0]))
    assert exceeded(chart, kinds(500, [0.2, 0.2, 0.1, 0.5])) == ["kind"]
    assert exceeded(chart, kinds(500, [0.1, 0.3, 0.6, 0])) == ["kind"]
    assert exceeded(chart, kinds(500, [0.6, 0.3, 0.1, 0]).mask(rng.random((500, 1)) < 0.4)) == ["kind"]


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_constant_columns_are_quiet_until_they_change(constant):
    rows = seasons(3_000).assign(constant=constant)
    chart = ControlChart.of_numbers(rows, ["warm", "constant"])
    assert not exceeded(chart, seasons(300, 3_000).assign(constant=constant))
    assert "constant" in exceeded(chart, seasons(300, 3_000).assign(constant=constant - 1))
    assert "constant" in exceeded(chart, seasons(300, 3_000).assign(constant=constant + 1))


def test_what_cannot_be_judged_is_left_out():
    short = ControlChart.of_numbers(seasons(200), ["warm", "dew"])
    assert short.judge(seasons(300), FRESH, level=0.01)[0] == {}
    chart = ControlChart.of_numbers(seasons(3_000), ["warm", "dew"])
    assert chart.judge(seasons(300)[["warm"]], FRESH, level=0.01)[0] == {}
    assert chart.judge(seasons(300).assign(dew="text"), FRESH, level=0.01)[0] == {}
    nothing = chart.judge(seasons(300, 3_000).assign(dew=np.nan), FRESH, level=0.01)[0]["dew"]
    assert nothing.distance is None
    assert nothing.missing_exceeded
    assert ControlChart.of_numbers(seasons(3_000).assign(none=np.nan), ["warm", "none"]).columns["none"].grid.cells == 0


def test_one_column_is_charted_by_itself():
    rng = np.random.default_rng(3)
    chart = ControlChart.of_numbers({"score": rng.random(2_000)}, ["score"])
    assert not exceeded(chart, pd.DataFrame({"score": rng.random(300)}))
    assert exceeded(chart, pd.DataFrame({"score": rng.random(300) ** 3}))


def test_a_state_survives_json_and_a_chart_its_file(chart, tmp_path):
    batch, following = seasons(600, 6_000), seasons(600, 6_600)
    _, state = chart.judge(batch, FRESH, level=0.01)
    again = ChartState.model_validate_json(state.model_dump_json())
    save_chart(tmp_path / "chart.npz", chart)
    loaded = load_chart(tmp_path / "chart.npz")
    assert loaded.judge(following, again, level=0.01) == chart.judge(following, state, level=0.01)
    labels = ControlChart.of_labels({"kind": list("abc") * 200}, ["kind"])
    save_chart(tmp_path / "labels.npz", labels)
    few = pd.DataFrame({"kind": list("abd") * 30})
    assert load_chart(tmp_path / "labels.npz").judge(few, FRESH, level=0.01) == labels.judge(few, FRESH, level=0.01)
    (tmp_path / "chart.npz").write_bytes(b"no chart")
    with pytest.raises(DataError, match="Prepare the reference again"):
        load_chart(tmp_path / "chart.npz")


def test_a_large_batch_is_judged_by_a_sample_that_finds_what_the_whole_shows(monkeypatch):
    chart = ControlChart.of_numbers(seasons(80_000), ["warm", "dew", "wind"])
    batch = seasons(60_000, 80_000)
    for rows, found in {"usual": (batch, []), "moved": (batch.assign(wind=batch["wind"] + 1), ["wind"])}.values():
        sampled, _ = chart.judge(rows, FRESH, level=0.01)
        with monkeypatch.context() as patch:
            patch.setattr("perennial.drift.charts.control_chart._MOST_ROWS", 60_000)
            whole, _ = chart.judge(rows, FRESH, level=0.01)
        assert [name for name in sampled if sampled[name].exceeded] == found
        assert [name for name in whole if whole[name].exceeded] == found
        for name, judged in sampled.items():
            assert abs(judged.distance - whole[name].distance) < 0.02
            assert judged.distance != whole[name].distance
