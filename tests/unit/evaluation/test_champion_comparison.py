"""Rows that the champion was trained on have no part in the comparison where enough others remain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from perennial.evaluation.champion_comparison import compare_with
from perennial.models.predictions import Predictions
from perennial.registry.records import Champion
from perennial.spec import ModelSpec

MakeSpec = Callable[..., ModelSpec]
ROWS = 400
TIMES = pd.date_range("2013-01-01", periods=ROWS, freq="h", tz="UTC")
FRAME = pd.DataFrame({"at": TIMES})
TRUTH = np.arange(ROWS) % 2


def champion(trained_rows: int) -> Champion:
    return Champion(version="3", mlflow_run_id="older", twin_train_end=TIMES[0] + timedelta(hours=trained_rows - 1))


def said(p: Any) -> Predictions:
    return Predictions((p > 0.5).astype(int), (0, 1), probabilities=np.column_stack([1 - p, p]))


# The champion knows by heart what it was trained on, and guesses elsewhere.
def learnt(trained_rows: int) -> Predictions:
    guesses = np.random.default_rng(0).random(ROWS)
    return said(np.where(np.arange(ROWS) < trained_rows, TRUTH, guesses))


CANDIDATE = said(0.4 + 0.2 * TRUTH)


def test_a_champion_has_no_advantage_of_rows_that_it_has_seen(make_spec: MakeSpec) -> None:
    found, _, notes = compare_with(champion(300), make_spec(), FRAME, TRUTH, CANDIDATE, learnt(300), labels=(0, 1))
    assert (found.rows, found.candidate) == (100, 1.0)
    assert found.champion == pytest.approx(0.5, abs=0.15)
    assert notes == (
        "champion v3 was trained on rows up to 2013-01-13T11:00:00+00:00: 300 of the 400 held-out rows are left out of the "
        "comparison",
    )


@pytest.mark.parametrize("trained_rows", [301, 400])
def test_where_too_few_others_remain_all_are_compared_and_it_is_said(make_spec: MakeSpec, trained_rows: int) -> None:
    answers = learnt(trained_rows)
    found, _, (note,) = compare_with(
        champion(trained_rows), make_spec(), FRAME, TRUTH, CANDIDATE, answers, labels=(0, 1)
    )
    assert found.rows == ROWS
    assert f"up to {trained_rows:,} of the 400 held-out rows" in note
    assert "which favours it" in note


def test_others_of_one_label_are_too_few_to_compare_on(make_spec: MakeSpec) -> None:
    truth = np.where(np.arange(ROWS) < 200, TRUTH, 0)
    found, _, (note,) = compare_with(champion(200), make_spec(), FRAME, truth, CANDIDATE, learnt(200), labels=(0, 1))
    assert found.rows == ROWS
    assert "which favours it" in note


def test_a_champion_that_has_seen_none_of_them_needs_no_word(make_spec: MakeSpec) -> None:
    older = Champion(version="3", mlflow_run_id="older", twin_train_end=TIMES[0] - timedelta(hours=1))
    for one in (older, Champion(version="3", mlflow_run_id="")):
        found, _, notes = compare_with(one, make_spec(), FRAME, TRUTH, CANDIDATE, learnt(0), labels=(0, 1))
        assert (found.rows, notes) == (ROWS, ())
