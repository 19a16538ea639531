from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.drift import ChiSquare
from perennial.drift.statistics.labels import count_labels, label_of

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=4), st.sampled_from(["a", "a\0", "é", "\U0001f600", "z" * 300])))


@given(TEXTS)
def test_text_is_counted_alike_in_every_type_that_holds_it(texts):
    counted, missing = count_labels(pd.Series(texts, dtype="str"))
    slow, slow_missing = count_labels(pd.Series(texts, dtype=object))
    assert (
        counted.values.tolist()
        == slow.values.tolist()
        == sorted({label_of(text) for text in texts if text is not None})
    )
    assert counted.counts.tolist() == slow.counts.tolist()
    assert missing == slow_missing == texts.count(None)


def test_long_texts_that_differ_stay_different_and_take_no_room_for_the_others():
    texts = [f"c{number}" for number in range(20_000)] + ["x" * 100_000 + "a", "x" * 100_000 + "b"]
    tracemalloc.start()
    counted, _ = count_labels(pd.Series(texts, dtype="str"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counted.counts.size == 20_002
    assert peak < 100e6


@pytest.mark.parametrize("dtype", ["str", object])
def test_texts_that_end_in_zeros_are_compared(dtype):
    rows = pd.DataFrame({"c": pd.Series(["a", "a\0", "b"] * 100, dtype=dtype)})
    assert ChiSquare.fit(rows, columns=["c"]).compare(rows).drifted == ()


def test_three_hundred_thousand_categories_are_counted_without_a_call_for_each(monkeypatch):
    monkeypatch.setattr("perennial.drift.statistics.labels.label_of", None)
    texts = pd.Series(np.arange(300_000), dtype="int64").astype("str")
    counted, _ = count_labels(texts)
    assert counted.counts.size == 300_000
