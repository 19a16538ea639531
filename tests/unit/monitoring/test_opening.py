"""Which rows a new check takes."""

from __future__ import annotations

import pandas as pd
import pytest

from perennial.champions.ledger import read_champions
from perennial.errors import DataError
from perennial.layout import CHECK
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.rows import read_rows
from perennial.monitoring.opening import open_check
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import close_check, decide
from perennial.registry.records import Champion
from tests.unit.monitoring.opened import BUSY, SPEC, close, ids
from tests.unit.monitoring.parcels import NOW, Parcels, day, make_champion, make_result, write_origin


def test_the_first_check_takes_what_came_after_the_champions_snapshot(watch, store):
    check = watch()
    assert (check.sequence, check.cursor, check.as_of) == (1, day(0), day(5))
    assert ids(store, check.batch) == [3, 4, 5]
    assert (check.rows, check.late_rows, check.rows_since_training) == (3, 0, 3)


def test_only_labels_that_have_had_their_time_are_matured(watch, store):
    check = watch()
    assert check.matured_until == day(3)
    assert ids(store, check.matured) == [3, 4]


def test_labels_mature_later_each_once_in_the_order_of_events(watch, store, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver([6, 7], days=[9, 8])
    second = watch()
    assert list(read_rows(store, second.matured)["id"].astype(int)) == [5]
    close(make_run, second)
    parcels.deliver([8], days=[12])
    assert list(read_rows(store, watch().matured)["id"].astype(int)) == [7, 6]


def test_a_row_without_a_label_is_compared_but_not_matured(watch, store, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver([6, 7, 8], days=[6, 7, 12], late=[None, 1, 0])
    check = watch()
    assert ids(store, check.batch) == [6, 7, 8]
    assert ids(store, check.matured) == [5, 7]


def test_a_label_that_arrives_makes_no_new_row(watch, store, make_run, parcels: Parcels):
    parcels.deliver([6], days=[4.5], late=[None])
    close(make_run, watch())
    parcels.deliver([6, 7], days=[4.5, 7], late=[1, 0])
    check = watch()
    assert (check.rows, check.late_rows) == (1, 0)
    assert ids(store, check.matured) == [5, 6]


def test_a_first_check_that_is_coalesced_begins_at_the_same_row_again(watch, store, registry, make_run):
    close(make_run, watch(active=BUSY), "fired", active=BUSY)
    write_origin(store, "2", end=day(4))
    registry.champion = make_champion("2")
    check = watch()
    assert (check.cursor, ids(store, check.batch)) == (day(0), [3, 4, 5])


def test_a_feature_that_is_gone_is_missing_in_the_rows_of_a_check(watch, store, parcels: Parcels):
    changes = SPEC.source.changes.model_copy(update={"gone": "impute"})
    spec = SPEC.model_copy(update={"source": SPEC.source.model_copy(update={"changes": changes})})
    parcels.deliver([6], days=[6])
    newest = max(parcels.folder.iterdir())
    pd.read_parquet(newest).drop(columns="weight").to_parquet(newest, index=False)
    with pytest.raises(DataError, match="feature 'weight'"):
        watch()
    assert read_rows(store, watch(spec=spec).batch).weight.isna().tolist() == [False, False, False, True]


def test_without_a_champion_a_check_reads_no_features_so_that_patterns_stand_for_none(watch, registry):
    registry.champion = None
    check = watch(spec=SPEC.model_copy(update={"features": SPEC.features.model_copy(update={"numeric": ("none_*",)})}))
    assert (check.rows, check.incomparable) == (0, "there is no champion yet")


def test_the_same_parcel_twice_is_one_row_and_the_newest_stands(watch, store, parcels: Parcels):
    parcels.deliver([6, 6, 6], days=[2, 4, 3])
    check = watch()
    rows = read_rows(store, check.batch)
    assert check.rows == 4
    assert list(rows[rows["id"] == "6"]["at"]) == [day(4)]


def test_rows_the_champion_learnt_from_say_nothing_about_its_losses(watch, store, registry, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver(range(6, 12), days=[6, 7, 8, 9, 10, 11])
    write_origin(store, "2", end=day(11))
    registry.champion = make_champion("2").model_copy(update={"train_end": day(7)})
    check = watch()
    assert ids(store, check.batch) == [6, 7, 8, 9, 10, 11]
    assert ids(store, check.matured) == [8, 9]


def test_as_of_hides_what_is_newer(watch, store):
    check = watch(as_of=day(4))
    assert (ids(store, check.batch), check.as_of) == ([3, 4], day(4))


def test_nothing_new_is_no_check(watch, store, make_run):
    assert watch(as_of=day(0)) is None
    close(make_run, watch())
    assert watch() is None
    assert watch(as_of=day(9)) is None
    assert not store.exists(CHECK.key("parcels", 2))


def test_a_pending_alarm_is_a_check_without_rows(watch, make_run):
    close(make_run, watch(active=BUSY, as_of=day(3)), "fired", active=BUSY, as_of=day(3))
    state, _ = load_state(make_run().store, "parcels")
    assert state.alarm is not None
    check = watch(as_of=day(0))
    assert (check.rows, check.batch, check.as_of) == (0, None, day(0))


def test_without_a_champion_there_is_a_check_without_rows(watch, registry):
    registry.champion = None
    check = watch()
    assert (check.champion, check.batch, check.rows, check.cursor) == (None, None, 0, None)


def test_what_came_while_there_was_no_champion_is_watched_from_the_first_ones_snapshot_on(
    watch, store, registry, make_run
):
    registry.champion = None
    close(make_run, watch())
    registry.champion = make_champion("1")
    check = watch()
    assert (check.sequence, check.cursor, ids(store, check.batch)) == (2, day(0), [3, 4, 5])


def test_a_champion_whose_snapshot_is_gone_is_an_error_and_no_check(watch, store, registry):
    registry.champion = make_champion("7")
    with pytest.raises(DataError, match="has no snapshot"):
        watch()
    assert not store.exists(CHECK.key("parcels", 1))


def test_beside_a_champion_of_unknown_origin_there_is_a_check_without_rows(watch, registry, make_run):
    foreign = Champion(version="1", mlflow_run_id="run1")
    registry.champion = foreign
    check = watch()
    assert (check.champion, check.batch, check.rows, check.cursor) == (foreign, None, 0, None)
    assert check.incomparable == "champion v1 was not registered by Perennial"
    assert close(make_run, check).champion_version is None


def test_rows_come_in_the_order_of_their_events_whatever_the_files(watch, store, parcels: Parcels):
    parcels.deliver([9, 8, 7], days=[4.5, 0.5, 2])
    assert read_rows(store, watch().batch)["at"].is_monotonic_increasing


def test_rows_that_are_both_new_and_matured_are_kept_once(watch, store):
    target = SPEC.target.model_copy(update={"label_delay_days": 0})
    check = watch(spec=SPEC.model_copy(update={"target": target}))
    assert check.matured == check.batch
    later = watch()
    assert later.matured != later.batch


@pytest.mark.usefixtures("watch")
def test_what_is_kept_is_held_for_the_checks_as_they_would_read_it(make_run, store, monkeypatch):
    run = make_run(SPEC)
    reader = CheckReader(run)
    check = open_check(run, reader)
    columns = ["id", "at", "weight", "late"]
    for key in (check.batch, check.matured):
        stored = CheckReader(run).rows(key, columns)
        with monkeypatch.context() as nothing_stored:
            nothing_stored.setattr(store, "local_file", None)
            pd.testing.assert_frame_equal(reader.rows(key, columns), stored)


def test_the_first_check_after_an_alias_was_moved_by_hand_says_so(watch, store, make_run, registry, parcels: Parcels):
    close(make_run, watch())
    write_origin(store, "2", end=day(2))
    registry.champion = make_champion("2")
    parcels.deliver([6, 7], days=[6, 7])

    second = watch()
    assert second.moved_by_hand == (
        f"By hand, in MLflow: v2 was made champion, in place of v1; it was noticed at {NOW:%Y-%m-%d %H:%M} UTC."
    )
    assert watch() == second
    entry = decide(make_run(SPEC), second, [make_result("page_hinkley", "quiet")])
    assert second.moved_by_hand in entry.decision.reasons
    close_check(make_run(SPEC), entry)
    parcels.deliver([8, 9], days=[8, 9])
    assert watch().moved_by_hand == ""
    assert [one.version for one in read_champions(store, "parcels")] == ["1", "2"]
