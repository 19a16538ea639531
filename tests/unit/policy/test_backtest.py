"""A backtest compares all policies, says what it found, and puts it on a page."""

from __future__ import annotations

import math
import re
from datetime import timedelta

import numpy as np
import pytest

from perennial.layout import BACKTEST, BACKTEST_PAGE
from perennial.policy.backtest import compare_policies, rank_correlation
from perennial.policy.page import render_backtest, write_backtest
from perennial.policy.policies import drift_triggers, follow
from perennial.policy.records import Backtest, Promise
from perennial.policy.walk import Serving
from perennial.store.sealed import read_record

MONITORING = {
    "monitoring": {"page_hinkley": None, "require": {"checks": 1, "of": 1}},
    "retraining": {"triggers": ["ks", "predictions"]},
}


@pytest.fixture
def found(make_run, make_matrix) -> Backtest:
    run = make_run(**MONITORING)
    replay, matrix = make_matrix(run, batches=8)
    return compare_policies(run.spec, replay, matrix)


def test_policies_stand_where_they_must(found):
    never, always, bound = (found.policy(name) for name in ("never", "every_1", "hindsight"))
    assert never.on_never.mean == always.on_always.mean == never.trainings == 0
    assert always.trainings == 7
    assert always.share == pytest.approx(1)
    assert bound.score >= max(one.score for one in found.policies if not one.together)
    assert found.policy("every_4").phases == 4
    assert found.policy("every_4").lowest <= found.policy("every_4").score <= found.policy("every_4").highest
    assert np.mean(found.policy("every_2").scores) == pytest.approx(found.policy("every_2").score)


def test_the_finding_says_what_training_gained_and_recommends_nothing(found):
    assert "training after every batch gained: roc_auc" in found.sentence
    assert not re.search(r"best|recommend|should", found.sentence)


def test_the_page_and_its_json_are_kept_and_the_same_each_time(found, make_run):
    store = make_run().store
    key = write_backtest(store, found)
    assert key == BACKTEST_PAGE.key("turning", found.replay)
    assert store.read(key) == render_backtest(found)
    assert read_record(store, BACKTEST.key("turning", found.replay), Backtest, "").sentence == found.sentence


def test_what_comes_from_the_data_cannot_write_the_page(found):
    hostile = found.model_copy(update={"failed": ("<script>alert(1)</script>",), "sentence": "<b>x</b>"})
    page = render_backtest(hostile).decode()
    assert "<script" not in page
    assert "<b>x</b>" not in page


@pytest.mark.parametrize(("cooldown_days", "trainings"), [(0, 9), (30, 2)])
def test_a_trigger_listens_to_the_governor(make_run, make_matrix, cooldown_days, trainings):
    run = make_run(
        monitoring={"volume": {"rows": 50}},
        retraining={"cooldown_days": cooldown_days, "at_most": {"retrainings": 50, "days": 30}},
    )
    replay, matrix = make_matrix(run, batches=10)
    (policy,) = drift_triggers(run.spec, replay, matrix, Serving(gate="none"), [("volume",)])
    (walked,) = follow(matrix, policy)
    assert len(walked.trained) == trainings
    moments = [replay.ends[number] for number in walked.trained]
    assert all(gap >= timedelta(days=cooldown_days) for gap in np.diff(moments))


def test_the_rank_correlation_is_of_what_is_known_and_of_enough(found):
    ends = found.ends

    def promise(predicted: float, realised: float) -> Promise:
        return Promise(end=ends[0], predicted=predicted, standard_error=1, realised=realised, promoted=True)

    assert rank_correlation(tuple(promise(n, n**3) for n in range(5))) == pytest.approx(1)
    assert math.isnan(rank_correlation(tuple(promise(n, n) for n in range(4))))
    assert math.isnan(rank_correlation(tuple(promise(n, math.nan) for n in range(9))))
