"""The test of numeric columns: every trap of such tests, what it says in words, its false alarms and its power."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import binomtest

from perennial.drift import DriftReport, KolmogorovSmirnov
from perennial.errors import DataError


def normals(rng, rows, columns=1, shift=0.0):
    return {f"x{i}": rng.normal(shift, size=rows) for i in range(columns)}


def compare_one(reference, batch, **options):
    return KolmogorovSmirnov.fit({"x": reference}).compare({"x": batch}, **options)["x"]


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_each_column_gets_scipys_figures(rng):
    reference, batch = normals(rng, 20_000, 5), normals(rng, 3_000, 5, shift=0.05)
    report = KolmogorovSmirnov.fit(reference).compare(batch)
    for column in report.columns:
        expected = stats.ks_2samp(reference[column.column], batch[column.column])
        assert column.statistic == pytest.approx(expected.statistic, abs=1e-12)
        assert column.pvalue == pytest.approx(expected.pvalue, abs=1e-3)
    adjusted = stats.false_discovery_control([column.pvalue for column in report.columns])
    assert [column.adjusted_pvalue for column in report.columns] == pytest.approx(adjusted)


def test_frames_and_mappings_of_any_number_type_are_alike(rng):
    values, batch = rng.integers(-1000, 1000, 5000), rng.integers(-900, 1100, 500)
    expected = compare_one(values.astype(float), batch.astype(float))
    assert compare_one(values, batch.astype(np.int16)) == expected
    frame = pd.DataFrame({"x": pd.array(values, dtype="Int64"), "name": "text"})
    assert KolmogorovSmirnov.fit(frame).compare(pd.DataFrame({"x": batch}))["x"] == expected


def test_only_numeric_columns_are_taken_unless_named(rng):
    frame = pd.DataFrame({"x": rng.normal(size=50), "who": range(50), "text": "a", "at": pd.Timestamp("2013-01-01")})
    frame["took"] = pd.Timedelta("1h")
    frame["flag"] = pd.array([True, False] * 25, dtype="boolean")
    assert KolmogorovSmirnov.fit(frame, entity="who").columns == ("x", "flag")
    assert KolmogorovSmirnov.fit(frame, columns=["who"]).columns == ("who",)
    with pytest.raises(DataError, match="'text' is not numeric"):
        KolmogorovSmirnov.fit(frame, columns=["text"])
    with pytest.raises(DataError, match="'at' is not numeric"):
        KolmogorovSmirnov.fit(frame, columns=["at"])
    with pytest.raises(DataError, match="the reference has no column 'y'; it has x, who"):
        KolmogorovSmirnov.fit(frame, columns=["y"])


def test_missing_values_are_left_out_of_the_values_and_tested_beside_them(rng):
    reference = np.where(rng.random(5000) < 0.1, np.nan, rng.normal(size=5000))
    batch = np.where(rng.random(1000) < 0.4, np.nan, rng.normal(size=1000))
    found = compare_one(reference, batch)
    assert found.pvalue > 0.01
    assert found.statistic == stats.ks_2samp(reference[~np.isnan(reference)], batch[~np.isnan(batch)]).statistic
    assert found.missing.drifted
    assert found.drifted
    assert found.missing.current == pytest.approx(np.isnan(batch).mean())
    assert "missing values went from" in found.sentence


def test_a_missing_rate_that_stays_is_no_drift(rng):
    reference = np.where(rng.random(5000) < 0.1, np.nan, rng.normal(size=5000))
    batch = np.where(rng.random(1000) < 0.1, np.nan, rng.normal(size=1000))
    found = compare_one(reference, batch)
    assert not found.drifted
    assert 0.05 < found.missing.pvalue <= found.missing.adjusted_pvalue


def test_all_missing_is_not_tested_and_the_missing_rate_drifts(rng):
    found = compare_one(rng.normal(size=500), np.full(100, np.nan))
    assert not found.tested
    assert found.reason == "the batch has 0 values in 100 rows, fewer than 30"
    assert found.pvalue is None
    assert found.missing.drifted
    assert found.drifted


def test_a_reference_without_values_is_not_tested(rng):
    found = compare_one(np.full(500, np.nan), rng.normal(size=100))
    assert not found.tested
    assert found.reason == "the reference has 0 values in 500 rows, fewer than 30"


def test_all_missing_on_both_sides_is_not_tested_and_not_drifted():
    found = compare_one(np.full(500, np.nan), np.full(100, np.nan))
    assert (found.tested, found.drifted) == (False, False)


def test_fewer_rows_than_the_minimum_are_not_tested(rng):
    report = KolmogorovSmirnov.fit(normals(rng, 500)).compare(normals(rng, 99, shift=9), min_rows=100)
    assert report.drifted == ()
    assert report.not_tested == ("x0",)
    assert report["x0"].reason == "the batch has 99 values in 99 rows, fewer than 100"
    assert report.sentence == "none of 0 columns drifted; not tested: x0"


def test_an_empty_batch_is_not_tested(rng):
    assert (
        compare_one(rng.normal(size=500), np.empty(0), min_rows=0).reason
        == "the batch has 0 values in 0 rows, fewer than 1"
    )


def test_a_column_that_the_batch_lacks_or_spoils_is_not_tested(rng):
    test = KolmogorovSmirnov.fit(normals(rng, 500, 2))
    report = test.compare({"x0": ["a"] * 100})
    assert report["x0"].reason.startswith("column 'x0' is not numeric")
    assert report["x1"].reason == "the batch has no such column"
    assert report.drifted == ()
    with pytest.raises(KeyError):
        report["x2"]


def test_infinities_are_ranked(rng):
    reference = rng.normal(size=2000)
    batch = np.where(rng.random(500) < 0.3, np.inf, rng.normal(size=500))
    found = compare_one(reference, batch)
    assert found.drifted
    assert found.direction == "higher"
    assert found.statistic == stats.ks_2samp(reference, batch).statistic


def test_a_constant_equals_itself_and_differs_from_another():
    assert not compare_one([3.0] * 500, [3.0] * 100, effect_floor=0).drifted
    found = compare_one([3.0] * 500, [4.0] * 100)
    assert found.drifted
    assert found.unseen == ("4",)


def test_few_values_are_compared_one_by_one(rng):
    reference, batch = rng.integers(0, 5, 5000), rng.integers(0, 5, 1000)
    found = compare_one(reference, batch)
    counts = [np.bincount(reference, minlength=5), np.bincount(batch, minlength=5)]
    assert found.test == "chi_square"
    assert found.pvalue == pytest.approx(stats.chi2_contingency(counts).pvalue)


def test_few_values_hold_the_level_where_kolmogorov_smirnov_is_conservative(rng):
    reference = rng.integers(0, 3, 10_050).astype(float)
    test = KolmogorovSmirnov.fit({"x": reference})
    batches = [rng.integers(0, 3, 300).astype(float) for _ in range(1000)]
    ours = np.mean([test.compare({"x": batch}, effect_floor=0)["x"].drifted for batch in batches])
    plain = np.mean([stats.ks_2samp(reference, batch).pvalue < 0.05 for batch in batches])
    assert plain < 0.02
    assert 0.03 < ours < 0.07


def test_one_wild_outlier_in_the_reference_hides_nothing(rng):
    assert compare_one(np.append(rng.normal(size=5000), 1e12), rng.normal(0.4, size=1000)).drifted


def test_significant_but_negligible_is_no_drift_with_very_many_rows(rng):
    found = compare_one(rng.normal(size=1_000_000), rng.normal(0.02, size=100_000))
    assert found.adjusted_pvalue < 1e-3
    assert found.effect < 0.02
    assert not found.drifted


@pytest.mark.parametrize(
    ("change", "direction"),
    [
        (lambda x: x + 0.5, "higher"),
        (lambda x: x - 0.5, "lower"),
        (lambda x: x * 2, "wider"),
        (lambda x: x / 2, "narrower"),
        (lambda x: x, "none"),
    ],
)
def test_direction_is_told(rng, change, direction):
    reference = rng.normal(size=5000)
    found = compare_one(reference, change(reference))
    assert found.direction == direction
    assert found.drifted == (direction != "none")


def test_sentence_gives_direction_size_and_place():
    found = compare_one(np.arange(1000.0), np.arange(500.0, 1000.0))
    assert found.sentence == ("strongly higher (D 0.500): median 499, now 750; 50% were at most 500, now 0%")
    assert found.location == pytest.approx(500, abs=1)


def test_rows_that_repeat_an_entity_count_for_less(rng):
    def clustered(entities):
        effect = np.sqrt(0.2) * rng.normal(size=entities)
        who = np.repeat(np.arange(entities), 50)
        return {"x": effect[who] + np.sqrt(0.8) * rng.normal(size=who.size), "who": who}

    reference = clustered(400)
    aware = KolmogorovSmirnov.fit(reference, columns=["x"], entity="who")
    unaware = KolmogorovSmirnov.fit(reference, columns=["x"])
    batches = [clustered(20) for _ in range(200)]
    assert np.mean([unaware.compare(b, effect_floor=0)["x"].drifted for b in batches]) > 0.3
    assert np.mean([aware.compare(b, effect_floor=0)["x"].drifted for b in batches]) <= 0.05
    found = aware.compare(batches[0])["x"]
    assert found.effective_current < found.n_current / 5
    assert aware.compare({"x": batches[0]["x"] + 1.5, "who": batches[0]["who"]})["x"].drifted


def test_a_batch_without_the_entity_column_is_an_error(rng):
    test = KolmogorovSmirnov.fit({"x": rng.normal(size=100), "who": range(100)}, entity="who")
    with pytest.raises(DataError, match="the batch has no column 'who'"):
        test.compare({"x": rng.normal(size=100)})


def test_columns_of_different_lengths_are_an_error(rng):
    with pytest.raises(DataError, match="different lengths"):
        KolmogorovSmirnov.fit(normals(rng, 100)).compare({"x0": [1.0], "y": [1.0, 2.0]})


@pytest.mark.parametrize("options", [{"level": 0}, {"level": 1}, {"effect_floor": -0.1}, {"effect_floor": 1}])
def test_level_and_floor_that_make_no_sense_are_refused(rng, options):
    with pytest.raises(ValueError, match="is a"):
        KolmogorovSmirnov.fit(normals(rng, 100)).compare(normals(rng, 100), **options)


def test_fifty_clean_columns_alarm_in_at_most_five_tests_of_a_hundred():
    rng = np.random.default_rng(2013)
    test = KolmogorovSmirnov.fit(normals(rng, 100_000, 50))
    names = test.columns
    alarms = raw = 0
    for _ in range(300):
        batch = dict(zip(names, rng.normal(size=(50, 200)), strict=True))
        report = test.compare(batch, level=0.05, effect_floor=0)
        alarms += bool(report.drifted)
        raw += any(column.pvalue < 0.05 for column in report.columns)
    assert binomtest(alarms, 300, 0.05, alternative="greater").pvalue > 0.05
    assert raw > 240  # What goes wrong without the adjustment.


def test_a_stated_shift_is_found():
    """Of fifty columns five move by 0.4 deviations; a batch of 500 rows is enough to find nearly all, and no other."""
    rng = np.random.default_rng(5)
    test = KolmogorovSmirnov.fit(normals(rng, 50_000, 50))
    found = wrong = 0
    for _ in range(40):
        batch = dict(zip(test.columns, rng.normal(size=(50, 500)), strict=True))
        for name in test.columns[:5]:
            batch[name] = batch[name] + 0.4
        drifted = test.compare(batch).drifted
        found += len(set(drifted) & set(test.columns[:5]))
        wrong += len(set(drifted) - set(test.columns[:5]))
    assert found >= 0.95 * 200
    assert wrong <= 2


def test_report_survives_json(rng):
    reference = {"x": rng.normal(size=500), "few": rng.integers(0, 3, 500), "gone": np.full(500, np.nan)}
    report = KolmogorovSmirnov.fit(reference).compare({"x": np.full(100, np.inf), "few": [7] * 100})
    assert DriftReport.model_validate_json(report.model_dump_json()) == report
    assert report.largest.column == "x"
    assert report.drifted == ("x", "few")


def test_plots_can_have_the_references_distribution(rng):
    reference = {"x": np.arange(10_000.0), "few": np.repeat([1.0, 2.0], [2500, 7500])}
    test = KolmogorovSmirnov.fit(reference)
    values, shares = test.ecdf("x")
    np.testing.assert_allclose(shares, (values + 1) / 10_000)
    assert test.ecdf("few")[1].tolist() == [0.25, 1]
    assert test.shares("few") == {1.0: 0.25, 2.0: 0.75}
    with pytest.raises(DataError, match="not compared value by value"):
        test.shares("x")
