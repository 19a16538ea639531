"""Differences between a package's answers and the bundle's, and what is made of them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.errors import PackageError
from perennial.models.predictions import Predictions, Threshold
from perennial.packages.runtime.answers import answers_of
from perennial.rehearsal.compare import differences
from perennial.rehearsal.driver import latency_ms
from perennial.rehearsal.judge import judge
from perennial.rehearsal.records import FarRow, Latency, Rehearsal, Rehearsed
from perennial.spec.packages import RehearsalGates


def said(probabilities, threshold=None):
    second = np.asarray(probabilities, dtype=float)
    at = threshold.at if threshold else 0.5
    return Predictions(
        np.where(second >= at, 1, 0), (0, 1), probabilities=np.column_stack([1 - second, second]), threshold=threshold
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 19), st.floats(1e-6, 0.5))
def test_the_largest_difference_is_found_in_its_row(probabilities, row, moved):
    row %= len(probabilities)
    expected = said(probabilities)
    table = answers_of(expected)
    table.loc[row, "probability_1"] += moved
    apart = differences(expected, table, 1.0)
    assert apart.each[row] == pytest.approx(moved, abs=1e-12)
    assert apart.each.max() == apart.each[row]
    assert np.count_nonzero(apart.each) == 1


def test_what_is_missing_on_one_side_only_is_infinitely_far():
    expected = Predictions(np.array([1.0, np.nan, np.inf, 2.0]))
    table = pd.DataFrame({"prediction": [1.0, np.nan, np.inf, np.nan]})
    assert differences(expected, table, 0.1).each.tolist() == [0, 0, 0, np.inf]


def test_another_label_counts_unless_the_scores_are_as_close_as_the_allowed_difference():
    expected = said([0.1, 0.4999, 0.9])
    table = answers_of(expected).assign(prediction=[0, 1, 0])
    assert differences(expected, table, 0.001).labels_changed == 1
    assert differences(expected, table, 1e-6).labels_changed == 2
    near_threshold = said([0.2001], Threshold(1, 0.2))
    flipped = answers_of(near_threshold).assign(prediction=[0])
    assert differences(near_threshold, flipped, 0.001).labels_changed == 0
    assert differences(near_threshold, flipped, 1e-6).labels_changed == 1


def test_labels_without_scores_must_be_the_same():
    expected = Predictions(np.array(["a", "b"], dtype=object), ("a", "b"))
    assert differences(expected, pd.DataFrame({"prediction": ["a", "a"]}), 1.0).labels_changed == 1


def test_other_rows_or_columns_are_no_answers():
    with pytest.raises(PackageError, match="1 answers for 2 rows"):
        differences(said([0.1, 0.9]), answers_of(said([0.1])), 1.0)
    with pytest.raises(PackageError, match="answers with prediction"):
        differences(said([0.1]), pd.DataFrame({"prediction": [0]}), 1.0)


def test_percentiles_are_those_of_the_calls(monkeypatch):
    ticks = iter(range(10**6))
    times = iter([*range(1, 21)] * 20)
    clock = {"now": 0.0}

    def now():
        if next(ticks) % 2 == 0:
            clock["now"] += next(times) / 1000
        return clock["now"]

    monkeypatch.setattr("perennial.rehearsal.driver.time.perf_counter", now)
    calls = []
    found = latency_ms(calls.append, ["a", "b"], 1000)
    assert found["calls"] == len(calls) - 1 >= 5
    assert found["p50"] <= found["p95"] <= found["p99"]


def rehearsed(**changes):
    found = {
        "kind": "wheel",
        "file": "a.whl",
        "rows": 100,
        "difference": 1e-7,
        "one": Latency(rows=1, calls=20, p50=1, p95=9, p99=10),
        "thousand": Latency(rows=1000, calls=20, p50=10, p95=20, p99=30),
        "memory_mb": 200.0,
        "load_s": 1.0,
    }
    return Rehearsed.model_validate(found | changes)


def blessing(*packages, **gates):
    return judge(Rehearsal(bundle_digest="d", packages=packages), RehearsalGates(**gates))


def test_a_package_that_does_what_is_asked_is_blessed():
    given = blessing(rehearsed(), max_difference=1e-6, p95_ms=9, memory_mb=200)
    assert given.outcome == "promote"
    assert given.sentence == "wheel predicts as the bundle on 100 held-out rows"
    assert [gate.name for gate in given.gates] == ["wheel difference", "wheel p95", "wheel memory"]


@pytest.mark.parametrize(
    ("changes", "gates", "sentence"),
    [
        (
            {
                "difference": 0.5,
                "farthest": [FarRow(position=7, at=datetime(2026, 1, 2, tzinfo=UTC), difference=0.5)],
            },
            {},
            "wheel differs from the bundle by at most 0.5 on 100 rows, 1e-05 is allowed: most on row 7, of 2026-01-02 00:00 UTC",
        ),
        ({"difference": float("inf")}, {}, "by at most inf"),
        ({"labels_changed": 3}, {}, "predicts another label on 3 of them"),
        ({}, {"p95_ms": 8}, "wheel takes 9 ms for one row in 95 of 100 calls, more than the 8"),
        ({}, {"memory_mb": 100}, "wheel takes 200 MiB of memory, more than the 100"),
        ({"error": "no module named x"}, {}, "wheel: no module named x"),
    ],
)
def test_one_that_does_not_is_refused_with_the_figure(changes, gates, sentence):
    refused = blessing(rehearsed(kind="onnx"), rehearsed(**changes), **gates)
    assert refused.outcome == "reject"
    assert sentence in refused.sentence
