"""A replay is begun once, and each of its models trained once."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from perennial.errors import DataError
from perennial.policy.replay import begin_replay, find_replay, rows_of
from perennial.policy.replayed_model import find_model, read_answers, replay_training
from tests.unit.policy.conftest import ROWS, START, drifting_rows


def test_the_same_rows_recipe_and_moments_are_the_same_replay(make_run):
    run = make_run()
    replay = begin_replay(run, batches=6)
    assert begin_replay(run, batches=6) == replay == find_replay(run, replay.digest)
    assert begin_replay(run, batches=7).digest != replay.digest
    assert (
        begin_replay(make_run(model={"estimator": "sklearn.naive_bayes.GaussianNB"}), batches=6).digest != replay.digest
    )
    assert begin_replay(make_run(monitoring={"min_rows": 9}), batches=6).digest == replay.digest


def test_the_period_is_the_newest_days_or_three_quarters_of_the_history(make_run):
    run = make_run()
    span = timedelta(hours=ROWS - 1)
    assert begin_replay(run, batches=4).ends[0] == START + span / 4
    assert begin_replay(run, days=30, batches=4).ends[0] == START + span - timedelta(days=30)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"days": 400}, "leaves nothing to train the first model on"),
        ({"batches": 3}, "give 4 to 200"),
        ({"batches": 201}, "give 4 to 200"),
    ],
)
def test_a_period_that_says_nothing_is_refused(make_run, options, said):
    with pytest.raises(DataError, match=said):
        begin_replay(make_run(), **options)


def test_stretches_without_rows_join_the_next_and_too_few_are_refused(make_run):
    rows = drifting_rows()
    gap = rows[(rows["at"] < START + timedelta(days=40)) | (rows["at"] > START + timedelta(days=60))]
    assert 4 <= begin_replay(make_run(gap), batches=12).batches < 12
    ends = rows[(rows["at"] < START + timedelta(days=25)) | (rows["at"] > START + timedelta(days=80))]
    with pytest.raises(DataError, match="have rows with labels that have matured"):
        begin_replay(make_run(ends), batches=8)


def test_a_threshold_is_kept_with_the_answers(make_run):
    run = make_run(model={"estimator": "sklearn.naive_bayes.GaussianNB", "imbalance": {"threshold": "f1"}})
    replay = begin_replay(run, batches=4)
    for answers in read_answers(run, replay_training(run, replay, rows_of(run, replay), 2)):
        said = answers.said
        assert said.threshold.label == 1
        reached = said.probabilities[:, 1].astype(float) >= said.threshold.at
        assert ((said.values == 1) == reached).mean() > 0.99  # the probabilities are kept with 32 bits


def test_a_model_is_trained_on_what_was_known_and_answers_for_all_that_it_has_not_seen(make_run):
    run = make_run(target={"column": "y", "label_delay_days": 2})
    replay = begin_replay(run, batches=5)
    history = rows_of(run, replay)
    model = replay_training(run, replay, history, 2)
    twin, served = read_answers(run, model)
    matured = history.matured()
    assert model.split is not None
    assert model.split.holdout_end <= replay.ends[2] - timedelta(days=2)
    assert matured["at"].iloc[model.twin_from] == model.split.holdout_start
    assert matured["at"].iloc[model.served_from] > model.split.holdout_end >= matured["at"].iloc[model.served_from - 1]
    assert (len(twin.said.values), len(served.said.values)) == (
        len(matured) - model.twin_from,
        len(matured) - model.served_from,
    )
    with pytest.raises(IndexError, match="predictions begin"):
        served.of(slice(model.served_from - 1, model.served_from))


def test_what_was_trained_is_found_again_and_what_is_damaged_is_trained_again(make_run):
    run = make_run()
    replay = begin_replay(run, batches=5)
    history = rows_of(run, replay)
    first = replay_training(run, replay, history, 1)
    assert replay_training(run, replay, history, 1) == first == find_model(run, replay, 1)
    before = read_answers(run, first)[1].said
    run.store.write(first.answers, b"damaged")
    assert find_model(run, replay, 1) is None
    again = replay_training(run, replay, history, 1)
    after = read_answers(run, again)[1].said
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    assert again.answers == first.answers


def test_a_training_that_fails_is_told_and_does_not_end_the_replay(make_run):
    rows = drifting_rows()
    rows.loc[(rows["at"] > START + timedelta(days=40)) & (rows["at"] < START + timedelta(days=65)), "y"] = 1
    run = make_run(rows)
    replay = begin_replay(run, batches=6)
    failed = [replay_training(run, replay, rows_of(run, replay), number).failed for number in range(6)]
    assert not failed[0]
    assert any("one class only" in why for why in failed)


def test_a_search_is_made_once_at_the_first_moment_for_all_models(make_run, monkeypatch):
    search = {"C": {"choices": [1e-6, 1.0]}}
    model = {"candidates": [{"estimator": "sklearn.linear_model.LogisticRegression", "search": search}]}
    run = make_run(model=model, cross_validation={"folds": 2})
    replay = begin_replay(run, batches=4)
    assert replay.choice is not None
    first = replay_training(run, replay, rows_of(run, replay), 0)
    assert first.failed == ""
    chosen = make_run(
        model={"estimator": replay.choice.estimator, "params": replay.choice.applied(run.spec).model.params}
    )
    named = begin_replay(chosen, batches=4)
    assert named.choice is None
    said, expected = (
        read_answers(run, model)[1].said.probabilities
        for model in (first, replay_training(chosen, named, rows_of(chosen, named), 0))
    )
    np.testing.assert_array_equal(said, expected)

    monkeypatch.setattr("perennial.policy.replay.first_search", lambda *_: pytest.fail("searched once more"))
    assert begin_replay(run, batches=4) == replay


def test_patterns_of_features_are_resolved_once_for_all_moments(make_run):
    run = make_run(
        features={"numeric": ["*"]}, source={"uri": "rows/", "event_time": "at", "window": {"days": 20}, "key": ["id"]}
    )
    replay = begin_replay(run, batches=4)
    assert replay.features["numeric"] == ("x", "z")
    make_run(drifting_rows().assign(extra=1.0))
    history = rows_of(run, find_replay(run, replay.digest))
    assert history.spec.features.numeric == ("x", "z")
    assert replay_training(run, replay, history, 1).failed == ""
