from __future__ import annotations

import numpy as np
import pytest

from perennial.drift.statistics.design_effect import (
    Clustering,
    clustering_of_labels,
    clustering_of_numbers,
    entity_codes,
    weights,
)


def entities_of(count: int, rows: int) -> np.ndarray:
    return np.repeat(np.arange(count), rows)


def test_icc_of_numbers_is_found():
    rng = np.random.default_rng(0)
    entities = entities_of(2000, 10)
    values = np.sqrt(0.2) * rng.normal(size=2000)[entities] + np.sqrt(0.8) * rng.normal(size=entities.size)
    found = clustering_of_numbers(values, entities)
    assert found.rows == 10
    assert found.icc == pytest.approx(0.2, abs=0.03)


def test_one_outlier_does_not_hide_the_icc():
    rng = np.random.default_rng(0)
    entities = entities_of(500, 10)
    values = np.sqrt(0.5) * rng.normal(size=500)[entities] + np.sqrt(0.5) * rng.normal(size=entities.size)
    values[7] = 1e12
    assert clustering_of_numbers(values, entities).icc == pytest.approx(0.5, abs=0.08)


def test_independent_rows_have_no_icc():
    rng = np.random.default_rng(0)
    entities = entities_of(2000, 10)
    assert clustering_of_numbers(rng.normal(size=20_000), entities).icc < 0.01
    assert clustering_of_labels(rng.integers(0, 4, 20_000), entities).icc < 0.01


def test_labels_fixed_by_their_entity_have_icc_one():
    entities = entities_of(300, 5)
    found = clustering_of_labels(entities % 3, entities)
    assert found.icc == pytest.approx(1)
    assert found.weight(found.icc) == pytest.approx(1 / 5)


def test_entities_that_never_repeat_cost_nothing():
    assert clustering_of_numbers(np.arange(100.0), np.arange(100)) == Clustering(1.0, 0.0)


def test_a_row_without_an_entity_stands_alone():
    assert np.unique(entity_codes(["a", None, "a", None])).size == 3


def test_the_larger_icc_holds_for_both_samples():
    assert weights(Clustering(1.0, 0.0), Clustering(11.0, 0.1)) == (1.0, 0.5)
    assert weights(Clustering(11.0, 0.3), Clustering(11.0, 0.1)) == (0.25, 0.25)
