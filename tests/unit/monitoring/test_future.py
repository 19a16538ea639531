"""A wrong clock in a row, a store or an argument must not end the watch."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from perennial.errors import CursorAhead, DataError
from perennial.monitoring import ledger
from perennial.monitoring.drift_tests.rows import read_rows
from perennial.monitoring.opening import open_check
from perennial.monitoring.records import MonitorState
from perennial.monitoring.start_of_watch import start_of_watch
from perennial.monitoring.state import load_state, save_state
from perennial.monitoring.steps import close_check, decide
from perennial.monitoring.waiting import waiting
from perennial.registry.champions import current_champion
from tests.unit.monitoring.parcels import Parcels, day, make_champion, make_result, make_spec, write_origin
from tests.watched_model import END, TRAINED_ROWS, make_watched

SPEC = make_spec({"min_rows": 2, "lateness_days": 3}, {"cooldown_days": 0})
WRONG = datetime(2188, 3, 28, tzinfo=UTC)
WRONG_DAY = (WRONG - day(0)) / timedelta(days=1)
LATER = datetime(2200, 1, 1, tzinfo=UTC)


@pytest.fixture
def run(make_run, store, registry, parcels: Parcels):
    """Return a model whose champion was trained on what came until day 0, with three rows after it."""
    write_origin(store, "1", end=day(0))
    registry.champion = make_champion("1")
    parcels.deliver([1, 2], days=[-1, -6])
    parcels.deliver([3, 4, 5], days=[1, 3, 5])
    return make_run(SPEC)


def check_and_close(run):
    check = open_check(run)
    entry = decide(run, check, [make_result("ks", "quiet")])
    close_check(run, entry)
    return entry


def set_state(run, state):
    _, version = load_state(run.store, "parcels")
    assert save_state(run.store, "parcels", state, version)


def test_a_row_from_the_future_moves_no_cursor_and_is_in_no_check(run, store, parcels: Parcels):
    parcels.deliver([6], days=[WRONG_DAY])
    look = waiting(run)
    assert look.rows == 3
    assert "1 row lies in the future" in look.reason
    assert "parcels/0003.parquet, row 1: 2188-03-28" in look.reason
    entry = check_and_close(run)
    assert (entry.check.rows, entry.check.as_of, entry.check.future.rows) == (3, day(5), 1)
    assert "6" not in set(read_rows(store, entry.check.batch)["id"])
    assert "parcels/0003.parquet, row 1: 2188-03-28" in " ".join(entry.decision.reasons)
    state, _ = load_state(store, "parcels")
    assert (state.cursor, state.matured_cursor) == (day(5), day(3))
    parcels.deliver([7, 8], days=[6, 7])
    assert (waiting(run).rows, check_and_close(run).check.rows) == (2, 2)


def test_a_late_row_is_still_late_with_a_row_from_the_future_beside_it(run, parcels: Parcels):
    parcels.deliver([6], days=[WRONG_DAY])
    check_and_close(run)
    parcels.deliver([7, 8], days=[4.5, 6])
    assert (check := check_and_close(run).check).rows == 1
    assert check.late_rows == 1


def test_a_row_from_the_future_is_checked_when_its_time_has_come(run, parcels: Parcels):
    soon = (run.now - day(0)) / timedelta(days=1) + 3
    parcels.deliver([6], days=[soon])
    check_and_close(run)
    later = replace(run, now=day(soon))
    assert waiting(later).rows == 1
    assert check_and_close(later).check.as_of == day(soon)


def test_the_spec_may_refuse_rows_from_the_future(make_run, run, parcels: Parcels):
    parcels.deliver([6], days=[WRONG_DAY])
    source = SPEC.source.model_copy(update={"future": type(SPEC.source.future)(rows="refuse")})
    refusing = make_run(SPEC.model_copy(update={"source": source}))
    for step in (waiting, open_check):
        with pytest.raises(DataError, match="1 row lies in the future"):
            step(refusing)


def test_a_source_of_rows_from_the_future_alone_waits_and_says_so(run, parcels: Parcels):
    for path in parcels.folder.iterdir():
        path.unlink()
    parcels.deliver([6], days=[WRONG_DAY])
    assert waiting(run).reason.startswith("The source has no rows. 1 row lies in the future")
    assert open_check(run) is None


def test_as_of_does_not_take_the_cursor_beyond_the_rows(run, store, parcels: Parcels):
    check_and_close(replace(run, as_of=day(20)))
    assert load_state(store, "parcels")[0].cursor == day(5)
    parcels.deliver([6], days=[8])
    assert (waiting(run).rows, waiting(run).cursor_ahead) == (1, None)


def test_a_cursor_in_the_future_is_an_error_that_says_what_to_do(run, store):
    entry = check_and_close(run)
    state, _ = load_state(store, "parcels")
    set_state(run, state.model_copy(update={"sequence": 2, "cursor": WRONG}))
    for step in (waiting, open_check):
        with pytest.raises(CursorAhead, match=r"stands at 2188-03-28 .*perennial set-cursor parcels --to"):
            step(run)
    assert ledger.read_ledger(store, "parcels") == (entry,)


def test_a_cursor_after_the_sources_rows_is_said(run, store):
    set_state_of = MonitorState(sequence=1, cursor=day(9), champion_version="1")
    assert save_state(store, "parcels", set_state_of, None)
    look = waiting(run)
    assert (look.over, look.cursor_ahead) == (False, day(9))
    assert "The source's newest event time is 2025-03-06 00:00 UTC: the cursor is after it" in look.reason
    assert "perennial set-cursor parcels --to 2025-03-06T00:00:00Z" in look.reason


def test_an_undecided_check_of_the_future_is_started_again(run, parcels: Parcels):
    parcels.deliver([6], days=[WRONG_DAY])
    believed_then = replace(run, now=LATER)
    assert open_check(believed_then).as_of == WRONG
    check = open_check(run)
    assert (check.sequence, check.as_of, check.rows) == (1, day(5), 3)


def test_without_a_champion_a_cursor_in_the_future_is_no_cursor(run, registry, store):
    registry.champion = None
    assert save_state(store, "parcels", MonitorState(sequence=1, cursor=WRONG), None)
    assert waiting(run).enough


def test_labels_mature_again_where_the_store_believed_the_future(run, store, parcels: Parcels):
    """A champion that learnt from the future left its mark, and the next one is watched from where that can be true."""
    state = MonitorState(sequence=1, cursor=day(5), matured_cursor=WRONG, champion_version="1")
    assert save_state(store, "parcels", state, None)
    parcels.deliver([6, 7], days=[8, 9])
    check = check_and_close(run).check
    assert (check.matured_rows, check.matured_until) == (0, day(7))
    parcels.deliver([8], days=[12])
    assert check_and_close(run).check.matured_rows == 2


@pytest.fixture(scope="module")
def learnt_from_the_future(tmp_path_factory, mlflow_template):
    """Return a model whose champion was trained by a version that believed a row of 2188; its rows are good by now."""
    home = tmp_path_factory.mktemp("future")
    shutil.copyfile(mlflow_template, home / "mlflow.db")
    parts = {"evaluation": {"holdout": {"fraction": 0.2}, "primary": "roc_auc"}}
    watched = make_watched(home / "model", f"sqlite:///{home}/mlflow.db", **parts)
    watched.land(TRAINED_ROWS, 1)
    path = watched.home / "rows" / f"{TRAINED_ROWS:06d}.parquet"
    pd.read_parquet(path).assign(at=pd.Timestamp(WRONG)).to_parquet(path, index=False)
    source = watched.spec.source.model_copy(
        update={"window": type(watched.spec.source.window)(since=END - timedelta(30))}
    )
    believing = replace(watched, spec=watched.spec.model_copy(update={"source": source}))
    believing.retrain(now=LATER)
    path.unlink()
    return watched


def test_a_champion_that_learnt_from_the_future_is_watched_from_its_newest_row_that_can_be_true(learnt_from_the_future):
    watched = learnt_from_the_future
    run = watched.run()
    champion = current_champion(run.store, run.tracking_uri, "watched")
    assert start_of_watch(watched.run(now=LATER), champion, MonitorState()) == WRONG
    assert start_of_watch(run, champion, MonitorState()) == END
    watched.land(TRAINED_ROWS, 300, shift=2.0)
    assert waiting(run).rows == 300
    entry = watched.decide()
    assert (entry.check.rows, entry.check.rows_since_training, entry.decision.outcome) == (300, 300, "trigger")
