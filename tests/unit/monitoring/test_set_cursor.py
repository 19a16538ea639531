"""The cursor is set back by hand, exactly once, whoever works on a check meanwhile; the ledger says who and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from perennial.monitoring import ledger
from perennial.monitoring.drift_tests.rows import read_rows
from perennial.monitoring.ledger import read_ledger
from perennial.monitoring.opening import open_check
from perennial.monitoring.records import Alarm, MonitorState
from perennial.monitoring.set_cursor import CannotSetCursor, set_cursor
from perennial.monitoring.state import load_state, save_state
from perennial.monitoring.steps import close_check, decide
from perennial.monitoring.waiting import waiting
from tests.unit.monitoring.parcels import (
    NOW,
    Parcels,
    day,
    end_retraining,
    make_champion,
    make_result,
    make_spec,
    write_origin,
)

SPEC = make_spec({"min_rows": 2, "lateness_days": 3, "require": {"checks": 1, "of": 1}}, {"cooldown_days": 2})
WRONG = datetime(2188, 3, 28, tzinfo=UTC)
# As a version that believed all event times did its work.
BELIEVING = datetime(2200, 1, 1, tzinfo=UTC)


@pytest.fixture
def run(make_run, any_store, registry, parcels: Parcels):
    write_origin(any_store, "1", end=day(0))
    registry.champion = make_champion("1")
    parcels.deliver([1, 2, 3], days=[1, 3, 5])
    return make_run(SPEC, store=any_store)


@pytest.fixture
def astray(run, parcels: Parcels):
    """Return the same after a check that a row dated 2188 has led astray, and that has triggered a retraining."""
    check_and_close(run)
    parcels.deliver([4], days=[(WRONG - day(0)) / timedelta(days=1)])
    entry = check_and_close(replace(run, now=BELIEVING), "fired")
    assert (entry.decision.outcome, entry.as_of) == ("trigger", WRONG)
    end_retraining(run.store, entry.decision.run_id, "rejected")
    return run


def check_and_close(run, status="quiet"):
    entry = decide(run, open_check(run), [make_result("page_hinkley", status)])
    close_check(run, entry)
    return entry


def state_of(run):
    return load_state(run.store, "parcels")[0]


def back(run, to, reason="a row was dated 2188"):
    return set_cursor(run, to, by="Ada", reason=reason)


def test_rows_after_it_are_new_again_and_the_ledger_says_who_and_why(astray, parcels: Parcels):
    before = read_ledger(astray.store, "parcels")
    entry = back(astray, day(4))
    assert read_ledger(astray.store, "parcels") == (*before, entry)
    assert (entry.sequence, entry.set_back.by, entry.set_back.reason) == (3, "Ada", "a row was dated 2188")
    assert entry.decision.reasons == (
        "Ada set the cursor back from 2188-03-28 00:00 to 2025-03-05 00:00 UTC: a row was dated 2188",
    )
    assert (state_of(astray).cursor, state_of(astray).sequence) == (day(4), 3)
    parcels.deliver([5], days=[6])
    assert waiting(astray).rows == 2
    check = check_and_close(astray).check
    assert (check.sequence, sorted(read_rows(astray.store, check.batch)["id"])) == (4, ["3", "5"])
    assert state_of(astray).cursor == day(6)


def test_labels_mature_from_there_on(astray, parcels: Parcels):
    back(astray, day(5))
    parcels.deliver([5, 6], days=[6, 9])
    assert check_and_close(astray).check.matured_rows == 1
    assert state_of(astray).matured_cursor == day(7)


def test_late_rows_are_told_from_known_ones_after_the_next_check(astray, parcels: Parcels):
    back(astray, day(5))
    parcels.deliver([5, 6], days=[6, 7])
    check_and_close(astray)
    parcels.deliver([7, 8], days=[6.5, 8])
    check = check_and_close(astray).check
    assert (check.rows, check.late_rows) == (1, 1)


def test_the_cool_down_of_a_retraining_of_the_future_ends_soon_after_it(astray, parcels: Parcels):
    back(astray, day(5))
    parcels.deliver([5, 6], days=[6, 6.5])
    held = check_and_close(astray, "fired")
    assert (held.decision.outcome, held.decision.held_by) == ("hold", "cool-down")
    assert (
        "triggered at 2025-03-06 00:00 UTC; the next one may be triggered from 2025-03-08 00:00 UTC"
        in held.decision.reasons[-1]
    )
    parcels.deliver([7], days=[7.5])
    assert check_and_close(astray, "fired").decision.outcome == "trigger"


def test_a_pending_alarm_is_weighed_again(astray):
    state, version = load_state(astray.store, "parcels")
    alarm = Alarm(tests=("ks",), champion_version="1", sequence=2, as_of=WRONG, until=WRONG + timedelta(days=2))
    assert save_state(astray.store, "parcels", state.model_copy(update={"alarm": alarm}), version)
    back(astray, day(5))
    assert state_of(astray).alarm.sequence == 2
    assert waiting(astray).recheck


def test_a_crash_between_ledger_and_state_is_mended_by_whoever_comes_next(astray, monkeypatch):
    def killed(_run, _entry):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("perennial.monitoring.set_cursor.close_check", killed)
        with pytest.raises(KeyboardInterrupt):
            back(astray, day(4))
    assert state_of(astray).cursor == WRONG
    assert "Check 3 was begun and not ended" in waiting(astray).reason
    entry = decide(astray, open_check(astray), [])
    assert entry.set_back is not None
    close_check(astray, entry)
    assert (state_of(astray).cursor, state_of(astray).set_back.by) == (day(4), "Ada")


def test_the_same_command_after_a_crash_ends_what_it_began(astray, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("perennial.monitoring.set_cursor.close_check", lambda *_: None)
        back(astray, day(4))
    back(astray, day(4))
    assert state_of(astray).cursor == day(4)
    assert len(read_ledger(astray.store, "parcels")) == 3


def test_a_check_under_way_that_is_undecided_is_given_up(run, parcels: Parcels):
    check_and_close(run)
    parcels.deliver([4, 5], days=[6, 7])
    under_way = open_check(run)
    entry = back(run, day(2))
    kept = decide(run, under_way, [make_result("page_hinkley", "fired")])
    assert (kept, kept.decision.outcome) == (entry, "none")
    close_check(run, kept)
    assert state_of(run).cursor == day(2)
    check = open_check(run)
    assert (check.sequence, check.cursor, check.rows) == (3, day(2), 4)


def test_a_check_that_is_decided_has_to_end_first(run, parcels: Parcels):
    check_and_close(run)
    parcels.deliver([4, 5], days=[6, 7])
    entry = decide(run, open_check(run), [make_result("page_hinkley", "fired")])
    assert entry.decision.outcome == "trigger"
    with pytest.raises(CannotSetCursor, match="check 2 of parcels is decided and has not ended: let it end"):
        back(run, day(2))
    assert read_ledger(run.store, "parcels")[-1] == entry
    close_check(run, entry)
    assert state_of(run).cursor == day(7)
    back(run, day(2))
    assert state_of(run).cursor == day(2)


def test_it_only_goes_back(run):
    check_and_close(run)
    for to in (day(5), day(6), NOW + timedelta(days=1)):
        with pytest.raises(CannotSetCursor, match="can only be set back"):
            back(run, to)
    assert len(read_ledger(run.store, "parcels")) == 1


def test_never_into_the_future(astray):
    with pytest.raises(CannotSetCursor, match=r"2030-01-01T00:00:00\+00:00 lies in the future"):
        back(astray, datetime(2030, 1, 1, tzinfo=UTC))


def test_without_a_champion_there_is_none_to_set(run, registry):
    registry.champion = None
    with pytest.raises(CannotSetCursor, match="no champion"):
        back(run, day(1))


def test_before_the_first_check_the_watch_begins_where_it_is_set(run, parcels: Parcels):
    parcels.deliver([4], days=[-1])
    assert waiting(run).rows == 3
    back(run, day(-2))
    assert waiting(run).rows == 4
    assert check_and_close(run).check.rows == 4


def test_retrainings_are_found_across_it(astray, parcels: Parcels):
    back(astray, day(5))
    parcels.deliver([5, 6], days=[6, 7])
    entry = check_and_close(astray)
    assert entry.last_trigger == 2
    assert [found.sequence for found in ledger.triggers_before(astray.store, "parcels", 5)] == [2]
    assert MonitorState.model_validate_json(state_of(astray).model_dump_json()) == state_of(astray)
