from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.monitoring.ledger import close_breaker, record_failure
from perennial.monitoring.records import Alarm, MonitorState
from perennial.monitoring.state import load_state, save_state
from perennial.monitoring.steps import close_check, open_check
from perennial.monitoring.waiting import waiting
from perennial.spec import ModelSpec
from tests.watched_model import END, SPEC, TRAINED_ROWS, make_watched


@pytest.fixture(scope="module")
def champion(tmp_path_factory, mlflow_template):
    home = tmp_path_factory.mktemp("champion")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db")
    watched.retrain()
    return watched


@pytest.fixture
def watched(champion, tmp_path):
    return champion.copy(tmp_path / "model")


def set_state(watched, state):
    _, version = load_state(watched.run().store, "watched")
    assert save_state(watched.run().store, "watched", state, version)


def test_rows_of_the_training_are_not_new(watched):
    found = waiting(watched.run())
    assert (found.rows, found.enough, found.recheck, found.over) == (0, False, False, False)
    assert found.reason == f"0 new rows after {END:%Y-%m-%d %H:%M} UTC; a check needs 200."


@pytest.mark.parametrize(("rows", "enough"), [(199, False), (200, True)])
def test_as_many_rows_as_the_spec_asks_are_enough(watched, rows, enough):
    watched.land(TRAINED_ROWS, rows)
    found = waiting(watched.run())
    assert (found.rows, found.enough, found.over) == (rows, enough, enough)


def test_rows_after_as_of_do_not_count(watched):
    watched.land(TRAINED_ROWS, 300)
    assert waiting(watched.run(as_of=END + timedelta(minutes=120))).rows == 120


def test_without_a_champion_any_rows_are_enough_for_the_first_training(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri)
    found = waiting(watched.run())
    assert (found.rows, found.enough) == (TRAINED_ROWS, True)
    forbidden = ModelSpec.model_validate(SPEC | {"retraining": {"first": False}})
    assert not waiting(replace(watched.run(), spec=forbidden)).over


def test_a_first_training_that_is_rejected_or_fails_waits_for_new_rows(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri)
    entry = watched.decide()
    close_check(watched.run(), entry)
    record_failure(watched.run().store, "watched", entry.decision.run_id, "bad rows")
    assert not waiting(watched.run()).over
    watched.land(TRAINED_ROWS, 200)
    assert waiting(watched.run()).enough


def test_a_retraining_that_never_came_is_made_up_for_whatever_there_is(tmp_path, mlflow_uri):
    watched = make_watched(tmp_path / "model", mlflow_uri)
    close_check(watched.run(), watched.decide())
    found = waiting(watched.run())
    assert (found.rows, found.recheck, found.over) == (0, True, True)
    assert found.reason == "The retraining that check 1 triggered was lost: it is triggered again."
    assert not waiting(watched.run(was_started=lambda _: True)).over


def test_a_check_that_was_begun_is_taken_up_whatever_there_is(watched):
    watched.land(TRAINED_ROWS, 200)
    run = watched.run()
    assert open_check(run) is not None
    found = waiting(replace(run, active=("manual",)))
    assert found.recheck
    assert found.over
    assert "Check 1 was begun and not ended" in found.reason


def test_a_pending_alarm_waits_for_the_retraining_under_way_to_end(watched):
    watched.land(TRAINED_ROWS, 300, shift=1.0)
    busy = watched.run(active=("manual",))
    entry = watched.decide(active=("manual",))
    assert entry.decision.outcome == "coalesce"
    close_check(busy, entry)
    held = waiting(busy)
    assert not held.recheck
    assert "manual" in held.reason
    assert waiting(watched.run()).recheck


def test_an_alarm_that_was_held_back_is_weighed_again_when_the_limit_ends(watched):
    until = END + timedelta(days=1)
    alarm = Alarm(tests=("ks",), champion_version="1", sequence=1, as_of=END, until=until)
    set_state(watched, MonitorState(sequence=1, cursor=END, champion_version="1", alarm=alarm))
    found = waiting(watched.run(as_of=until - timedelta(minutes=1)))
    assert not found.recheck
    assert f"held back until {until:%Y-%m-%d %H:%M} UTC" in found.reason
    assert waiting(watched.run(as_of=until)).recheck


def test_closing_the_breaker_weighs_a_pending_alarm_again(watched):
    watched.land(TRAINED_ROWS, 300, shift=1.0)
    entry = watched.decide()
    record_failure(watched.run().store, "watched", entry.decision.run_id, "bad rows")
    state = close_check(watched.run(), entry)
    alarm = Alarm(tests=("ks",), champion_version="1", sequence=1, as_of=entry.as_of)
    set_state(watched, state.model_copy(update={"alarm": alarm}))
    assert not waiting(watched.run()).recheck
    close_breaker(watched.run().store, "watched", by="me", reason="the data are mended")
    assert waiting(watched.run()).recheck
