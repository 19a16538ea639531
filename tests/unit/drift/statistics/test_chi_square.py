from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from perennial.drift import compare_labels
from perennial.drift.statistics.labels import Labels, count_labels, count_numbers


def labels(**counts: int) -> Labels:
    return Labels(np.array(list(counts), dtype=np.str_), np.array(list(counts.values()), dtype=np.int64))


def test_equals_scipy_where_no_value_is_rare():
    comparison = compare_labels(labels(a=500, b=300, c=200), labels(a=80, b=90, c=30))
    expected = chi2_contingency([[500, 300, 200], [80, 90, 30]])
    assert comparison.statistic == pytest.approx(expected.statistic)
    assert comparison.pvalue == pytest.approx(expected.pvalue)


def test_effect_is_the_share_of_rows_that_would_have_to_change():
    assert compare_labels(labels(a=500, b=500), labels(a=60, b=40)).effect == pytest.approx(0.1)


def test_stability_index_is_the_textbooks():
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.45, 0.15])
    comparison = compare_labels(labels(a=500, b=300, c=200), labels(a=80, b=90, c=30))
    assert comparison.psi == pytest.approx(((q - p) * np.log(q / p)).sum())


def test_unseen_values_are_named_most_frequent_first():
    comparison = compare_labels(labels(a=500, b=500), labels(a=40, new=20, newer=40))
    assert comparison.unseen == ("newer", "new")
    assert comparison.unseen_rows == 60
    assert comparison.pvalue < 1e-20
    assert np.isfinite(comparison.psi)


def test_a_renamed_value_is_found_in_a_small_batch_of_a_huge_reference():
    comparison = compare_labels(labels(a=600_000, b=400_000), labels(a=60, B=40))
    assert comparison.pvalue < 1e-20
    assert comparison.effect == pytest.approx(0.4)


def test_rare_values_are_pooled():
    rare = {f"r{i}": 3 for i in range(100)}
    comparison = compare_labels(labels(a=5000, b=4700, **rare), labels(a=50, b=47, r1=1, r2=1, r200=1))
    assert comparison.cells == ("a", "b")
    assert comparison.reference[-1] == pytest.approx(0.03)
    assert comparison.current[-1] == pytest.approx(0.03)
    assert comparison.pvalue > 0.5
    assert comparison.unseen == ("r200",)


def test_nothing_but_rare_values_is_no_test():
    assert compare_labels(labels(**{f"r{i}": 2 for i in range(500)}), labels(r1=1, r2=1)) is None


def test_a_constant_equals_itself_and_differs_from_another():
    assert compare_labels(labels(a=1_000_000), labels(a=50)).pvalue == 1
    assert compare_labels(labels(a=1_000_000), labels(b=50)).pvalue < 1e-100


def test_false_alarms_hold_the_level_though_new_rare_values_keep_coming():
    rng = np.random.default_rng(3)
    shares = 1 / np.arange(1, 2001) ** 1.3
    shares /= shares.sum()
    reference = count_labels(rng.choice(2000, 20_000, p=shares))[0]
    batches = (count_labels(rng.choice(2000, 500, p=shares))[0] for _ in range(400))
    assert np.mean([compare_labels(reference, batch).pvalue < 0.05 for batch in batches]) <= 0.08


def test_numbers_are_one_label_however_they_are_stored():
    whole, _ = count_labels(np.array([1, 2, 2]))
    floats, missing = count_labels(np.array([1.0, 2.0, np.nan]))
    objects, _ = count_labels(np.array([1, "2", 2.5, True], dtype=object))
    assert whole.values.tolist() == floats.values.tolist() == ["1", "2"]
    assert missing == 1
    assert dict(zip(objects.values.tolist(), objects.counts.tolist(), strict=True)) == {"1": 2, "2": 1, "2.5": 1}


def test_counts_of_numbers_in_order():
    counted = count_numbers(np.array([-np.inf, 0, 0, 1, np.inf]))
    assert counted.values.tolist() == [-np.inf, 0, 1, np.inf]
    assert counted.counts.tolist() == [1, 2, 1, 1]
