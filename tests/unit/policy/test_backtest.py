"""A backtest compares all policies, says what it found, and puts it on a page."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from perennial.layout import BACKTEST, BACKTEST_PAGE
from perennial.policy.backtest import compare_policies, rank_correlation
from perennial.policy.page import render_backtest, write_backtest
from perennial.policy.policies import drift_triggers, follow
from perennial.policy.records import Backtest, Change, Difference, Promise
from perennial.policy.replay import Replay
from perennial.policy.sentence import finding
from perennial.policy.walk import Serving
from perennial.store.sealed import read_record
from tests.unit.policy.conftest import START, drifting_rows, matrix_of, run_in

MONITORING = {
    "monitoring": {"page_hinkley": None, "require": {"checks": 1, "of": 1}},
    "retraining": {"triggers": ["ks", "predictions"]},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Backtest:
    run = run_in(tmp_path_factory.mktemp("compared"), **MONITORING)
    replay, matrix = matrix_of(run, batches=8)
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


def test_where_nothing_changes_abruptly_the_finding_says_so(found):
    assert found.change is None
    assert "No batch stood out as abruptly worse" in found.sentence
    assert all(math.isnan(one.days_to_answer) for one in found.policies)


def test_a_change_of_the_labels_is_found_and_the_days_to_answer_it_are_on_the_page(make_run, make_matrix):
    rows = drifting_rows()
    flipped = rows["at"] >= START + timedelta(days=60)
    rows["y"] = rows["y"].where(~flipped, 1 - rows["y"])
    run = make_run(rows=rows, **MONITORING)
    replay, matrix = make_matrix(run, batches=16)
    found = compare_policies(run.spec, replay, matrix)
    assert found.change is not None
    assert found.change.start <= START + timedelta(days=60) < replay.ends[found.change.batch]
    assert found.policy("every_1").days_to_answer <= found.policy("every_8").days_to_answer
    assert f"the change of {found.change.start.day} {found.change.start:%B %Y}" in found.sentence
    assert "Days to answer the change" in render_backtest(found).decode()


@pytest.mark.parametrize(
    ("triggers", "calendar", "said"),
    [
        (7.0, 16.0, "Drift triggers would have answered the change of 3 May 2013 9 days sooner than that calendar."),
        (16.0, 7.0, "Drift triggers would have answered the change of 3 May 2013 9 days later than that calendar."),
        (0.25, 0.75, "Drift triggers would have answered the change of 3 May 2013 12 hours sooner than that calendar."),
        (7.0, 7.0, "Drift triggers would have answered the change of 3 May 2013 no sooner than that calendar."),
        (
            7.0,
            math.nan,
            "Drift triggers would have answered the change of 3 May 2013 after 7 days; that calendar would not",
        ),
        (math.nan, 9.0, "Drift triggers would not have answered the change of 3 May 2013; that calendar took 9 days."),
        (math.nan, math.nan, "would not have answered the change of 3 May 2013; neither would that calendar."),
    ],
)
def test_the_finding_says_how_much_sooner_or_later_triggers_answered(found, triggers, calendar, said):
    change = Change(batch=3, start=datetime(2013, 5, 3, tzinfo=UTC), fall=0.2, limit=0.1)
    results = [
        one.model_copy(update={"days_to_answer": triggers if one.kind == "test" else calendar})
        for one in found.policies
    ]
    replay = Replay(model="turning", digest="0", rows="", ends=found.ends)
    assert said in finding(results, "roc_auc", replay, change)


def test_the_finding_says_so_where_only_champions_together_gain_over_never_training(found):
    unclear, clear = Difference(mean=0.01, standard_error=0.01), Difference(mean=0.02, standard_error=0.005)
    effects = {"every_1": unclear, "every_1.together": clear}
    results = [
        one.model_copy(update={"on_never": effects.get(one.name, one.on_never), "on_always": unclear})
        for one in found.policies
    ]
    replay = Replay(model="turning", digest="0", rows="", ends=found.ends)
    said = finding(results, "roc_auc", replay, None)
    assert "had no detectable effect" in said
    assert "With past champions serving together, the same trainings gained" in said


@pytest.mark.parametrize(
    ("worth", "said"),
    [(0.01, "better than"), (-0.01, "worse than"), (0.0, "not detectably different from")],
)
def test_the_finding_says_whether_triggers_did_better_than_a_calendar_beyond_noise(found, worth, said):
    results = [
        one.model_copy(update={"scores": tuple(0.7 + n / 100 + (worth if one.kind == "test" else 0) for n in range(8))})
        for one in found.policies
    ]
    replay = Replay(model="turning", digest="0", rows="", ends=found.ends)
    assert f", {said} " in finding(results, "roc_auc", replay, None)


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


def test_the_page_names_the_windows_that_were_not_replayed(make_run, make_matrix):
    windows = {"uri": "rows/", "event_time": "at", "window": [{"days": 20}, {"days": 40}, {"rows": 5_000}]}
    run = make_run(
        source=windows, model={"estimator": "sklearn.linear_model.LogisticRegression", "ensemble": {"members": 4}}
    )
    replay, matrix = make_matrix(run, batches=4)
    page = render_backtest(compare_policies(run.spec, replay, matrix)).decode()
    assert "other windows (the last 40 days, the last 5000 rows) were not replayed" in page


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
