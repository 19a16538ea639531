"""Policies are paths through the matrix: each batch is scored before anything learns from it."""

from __future__ import annotations

import numpy as np
import pytest

from perennial.policy.figures import difference, overall
from perennial.policy.judging import judge
from perennial.policy.matrix import Together
from perennial.policy.schedules import Calendar
from perennial.policy.walk import Serving, walk

OPEN = Serving(gate="none")


def test_without_training_the_first_model_serves_all(make_run, make_matrix):
    _, matrix = make_matrix(make_run())
    found = walk(matrix, Calendar(0), OPEN)
    assert {one.members for one in found.served} == {(0,)}
    assert found.trained == found.promoted == ()
    assert found.cpu_seconds == 0


def test_a_calendar_serves_each_batch_by_what_was_trained_before_it(make_run, make_matrix):
    _, matrix = make_matrix(make_run(), batches=8)
    every = walk(matrix, Calendar(1), OPEN)
    assert [one.members for one in every.served] == [(number,) for number in range(8)]
    second = walk(matrix, Calendar(2, 1), OPEN)
    assert second.trained == (1, 3, 5, 7)
    assert [one.members[0] for one in second.served] == [0, 1, 1, 3, 3, 5, 5, 7]
    assert every.cpu_seconds == pytest.approx(
        sum(model.twin_seconds + model.refit_seconds for model in matrix.models[1:])
    )


def test_here_where_the_concept_turns_training_pays_and_scores_are_the_models_own(make_run, make_matrix):
    _, matrix = make_matrix(make_run())
    never, always = (walk(matrix, calendar, OPEN).scores for calendar in (Calendar(0), Calendar(1)))
    gain = difference(np.array(always), np.array(never), greater_is_better=True)
    assert gain.detectable
    assert gain.mean > 0.05
    assert always[3] == matrix.score(Together((3,), (1.0,), refit=True), 4)


def test_champions_together_are_the_newest_ones_weighted_by_what_none_of_them_has_seen(make_run, make_matrix):
    _, matrix = make_matrix(make_run())
    found = walk(matrix, Calendar(1), Serving(gate="none", members=3))
    assert found.served[-1].members == (5, 6, 7)
    weights = np.array(found.served[-1].weights)
    assert weights.sum() == pytest.approx(1)
    # The newest has seen the newest rows: it weighs as much as the best of the others.
    assert weights[-1] == pytest.approx(weights.max())


def test_the_gate_compares_models_from_before_their_refits_on_rows_that_neither_has_seen(make_run, make_matrix):
    _, matrix = make_matrix(make_run())
    judgement = judge(matrix, 4, [3], alone=True)
    assert judgement.comparison.rows == matrix.models[4].served_from - matrix.models[4].twin_from
    rows = slice(matrix.models[4].twin_from, matrix.models[4].served_from)
    twins = [matrix.measure(matrix.predictions(Together((n,), (1.0,), refit=False), rows), rows) for n in (4, 3)]
    assert judgement.comparison.difference == pytest.approx(twins[0] - twins[1])


def test_a_gate_that_nothing_passes_keeps_the_first_model(make_run, make_matrix):
    run = make_run(
        evaluation={
            "holdout": {"days": 4},
            "primary": "roc_auc",
            "gates": {"min_rows": 20, "minimum": {"roc_auc": 1.0}},
        }
    )
    _, matrix = make_matrix(run)
    found = walk(matrix, Calendar(1), Serving(gate="noise"))
    assert found.promoted == ()
    assert len(found.trained) == 7
    assert {one.members for one in found.served} == {(0,)}


def test_differences_are_means_over_batches_with_the_errors_of_means():
    some, others = np.array([0.7, 0.8, np.nan, 0.9]), np.array([0.6, 0.9, 0.5, 0.7])
    found = difference(some, others, greater_is_better=False)
    by_batch = np.array([-0.1, 0.1, -0.2])
    assert found.mean == pytest.approx(by_batch.mean())
    assert found.standard_error == pytest.approx(by_batch.std(ddof=1) / np.sqrt(3))
    assert not found.detectable
    assert overall(some) == pytest.approx(0.8)
