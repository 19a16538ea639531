from __future__ import annotations

import pandas as pd
import pytest

from perennial.champions.ledger import read_champions
from perennial.data.sources.file_source import FileSource
from perennial.digests import check_digest
from perennial.errors import DataError
from perennial.layout import CHECK
from perennial.monitoring.drift_tests.reader import CheckReader
from perennial.monitoring.drift_tests.rows import read_identities, read_rows
from perennial.monitoring.opening import open_check
from perennial.monitoring.records import OpenCheck
from perennial.monitoring.state import load_state
from perennial.monitoring.steps import close_check, decide
from perennial.registry.records import Champion
from perennial.spec import ModelSpec
from perennial.store import Damaged
from perennial.store.local import LocalStore
from tests.unit.monitoring.parcels import NOW, Parcels, day, make_champion, make_result, make_spec, write_origin

SPEC = make_spec({"min_rows": 2, "lateness_days": 3}, {"cooldown_days": 0})
BUSY = ("manual",)


@pytest.fixture
def watch(make_run, store, registry, parcels):
    """Return a model whose champion was trained on what came until day 0, and that was checked on day 5."""
    write_origin(store, "1", end=day(0))
    registry.champion = make_champion("1")
    parcels.deliver([1, 2], days=[-1, -6])
    parcels.deliver([3, 4, 5], days=[1, 3, 5])

    def check(**changes) -> OpenCheck | None:
        return open_check(make_run(changes.pop("spec", SPEC), **changes))

    return check


def close(make_run, check, status="quiet", **changes):
    run = make_run(SPEC, **changes)
    entry = decide(run, check, [make_result("page_hinkley", status)])
    return close_check(run, entry)


def ids(store: LocalStore, key: str | None) -> list[int]:
    return sorted(read_rows(store, key)["id"].astype(int)) if key else []


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


def test_late_rows_are_counted_and_checked_once(watch, store, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver([6, 7, 8], days=[4, 6, 1.9])
    second = watch()
    assert ids(store, second.batch) == [6, 7]
    assert (second.rows, second.late_rows, second.too_late_rows) == (1, 1, 0)
    close(make_run, second)
    parcels.deliver([9], days=[7])
    third = watch()
    assert (ids(store, third.batch), third.late_rows) == ([9], 0)


def test_late_rows_alone_are_checked_too(watch, store, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver([6], days=[4])
    check = watch(as_of=day(6))
    assert (ids(store, check.batch), check.rows, check.late_rows) == ([6], 0, 1)


def test_a_row_too_late_for_the_losses_is_counted_and_compared_but_not_fed(watch, store, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver([6, 7], days=[2.5, 8])
    check = watch()
    assert (check.late_rows, check.too_late_rows) == (1, 1)
    assert ids(store, check.batch) == [6, 7]
    assert ids(store, check.matured) == [5]


def test_late_rows_of_a_coalesced_check_are_late_again(watch, store, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver([6, 7], days=[4, 6])
    second = watch(active=BUSY)
    state = close(make_run, second, "fired", active=BUSY)
    assert (state.sequence, state.cursor) == (2, day(5))
    parcels.deliver([8, 9], days=[7, 4.5])
    third = watch()
    assert ids(store, third.batch) == [6, 7, 8, 9]
    assert (third.rows, third.late_rows, third.cursor) == (2, 2, day(5))
    assert ids(store, third.matured) == [5, 6, 9]
    assert close(make_run, third).cursor == day(7)
    assert watch() is None


def test_a_first_check_that_is_coalesced_begins_at_the_same_row_again(watch, store, registry, make_run):
    close(make_run, watch(active=BUSY), "fired", active=BUSY)
    write_origin(store, "2", end=day(4))
    registry.champion = make_champion("2")
    check = watch()
    assert (check.cursor, ids(store, check.batch)) == (day(0), [3, 4, 5])


def test_more_lateness_asks_no_more_of_the_past_than_is_known(watch, store, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver([6, 7], days=[8, 1])
    later = make_spec({"min_rows": 2, "lateness_days": 30})
    assert ids(store, watch(spec=later).batch) == [6]


def test_rows_of_another_identity_are_not_late(watch, store, make_run, parcels: Parcels):
    close(make_run, watch())
    parcels.deliver([6], days=[8])
    keyless = SPEC.model_copy(update={"source": SPEC.source.model_copy(update={"key": ()})})
    check = watch(spec=keyless)
    assert (check.rows, check.late_rows, check.seen.columns) == (1, 0, ("at", "weight"))


def test_a_column_that_is_new_changes_no_identity_until_a_champion_was_trained_on_it(
    watch, store, registry, make_run, parcels: Parcels
):
    source = SPEC.source.model_copy(update={"key": ()})
    spec = SPEC.model_copy(update={"source": source, "features": SPEC.features.model_copy(update={"numeric": ("*",)})})
    close(make_run, watch(spec=spec))
    parcels.deliver([6, 7], days=[4, 6])
    newest = max(parcels.folder.iterdir())
    pd.read_parquet(newest).assign(height=1.0).to_parquet(newest, index=False)
    check = watch(spec=spec)
    assert (check.rows, check.late_rows, check.seen.columns) == (1, 1, ("at", "weight"))


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


def test_what_will_have_been_seen_covers_the_lateness(watch, store):
    check = watch()
    assert check.seen.after == day(2)
    assert len(read_identities(store, check.seen.key)) == 2
    assert check.seen.columns == ("id",)


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


def test_whoever_repeats_a_check_that_was_begun_works_on_the_same_rows(watch, parcels: Parcels):
    check = watch()
    parcels.deliver([6], days=[8])
    assert watch() == check
    assert watch(as_of=day(20)) == check


def test_a_check_that_was_decided_is_repeated_as_it_was_decided(watch, make_run, registry, parcels: Parcels):
    check = watch()
    decide(make_run(SPEC), check, [make_result("ks", "quiet")])
    registry.champion = make_champion("2")
    assert watch() == check


def test_an_undecided_check_of_another_champion_is_started_again(watch, store, registry, parcels: Parcels):
    check = watch()
    write_origin(store, "2", end=day(4))
    registry.champion = make_champion("2")
    again = watch()
    assert (again.sequence, again.champion.version, ids(store, again.batch)) == (1, "2", [5])
    assert check != again == watch()


def test_an_undecided_check_of_another_spec_is_started_again(watch):
    wider = make_spec({"min_rows": 2, "lateness_days": 4})
    assert watch().watched_as == check_digest(SPEC)
    assert watch(spec=wider).watched_as == check_digest(wider) != check_digest(SPEC)


def test_one_that_there_is_no_reason_for_any_more_is_given_up(watch, store, registry):
    watch()
    write_origin(store, "2", end=day(6))
    registry.champion = make_champion("2")
    assert watch() is None
    assert not store.exists(CHECK.key("parcels", 1))


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


def test_rows_that_are_gone_say_how_to_go_on(watch, store):
    check = watch()
    store.delete(check.batch)
    with pytest.raises(Damaged, match=r"is gone\..*`perennial monitor parcels --once`"):
        read_rows(store, check.batch)
    assert watch() == check
    assert ids(store, check.batch) == [3, 4, 5]


@pytest.mark.parametrize("what", ["check", "batch", "matured", "seen"])
def test_an_undecided_check_that_is_damaged_is_started_again(watch, store, what, caplog):
    check = watch()
    keys = {"check": CHECK.key("parcels", 1), "batch": check.batch, "matured": check.matured, "seen": check.seen.key}
    whole = store.read(keys[what])
    store.write(keys[what], whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    assert watch() == check
    assert f"the check is begun again: {store.uri}/{keys[what]} is damaged" in caplog.text
    assert store.read(keys[what]) == whole
    caplog.clear()
    assert watch() == check
    assert caplog.text == ""


def test_without_the_rows_that_were_seen_none_is_late_and_that_is_said(watch, store, make_run, parcels, caplog):
    first = watch()
    close(make_run, first)
    parcels.deliver([6, 7], days=[4, 9])
    store.write(first.seen.key, store.read(first.seen.key)[:-1] + b"x")
    second = watch()
    assert (second.rows, second.late_rows) == (1, 0)
    assert "Once, rows that came late since the last check are not recognised" in caplog.text


def test_rows_come_in_the_order_of_their_events_whatever_the_files(watch, store, parcels: Parcels):
    parcels.deliver([9, 8, 7], days=[4.5, 0.5, 2])
    assert read_rows(store, watch().batch)["at"].is_monotonic_increasing


@pytest.fixture
def asked(monkeypatch):
    """Note which columns are read of which event times."""
    found = []
    read = FileSource.read

    def noted(self, spec, bounds, types):
        found.append((bounds, set(types)))
        return read(self, spec, bounds, types)

    monkeypatch.setattr(FileSource, "read", noted)
    return found


def columns_behind(asked, cursor: float) -> list[set[str]]:
    """Return the columns of each reading that began behind the cursor; counting reads event times alone."""
    return [columns for bounds, columns in asked if bounds.start <= day(cursor) and columns != {"at"}]


def test_of_rows_behind_the_cursor_only_key_and_time_are_read(watch, make_run, parcels: Parcels, asked):
    spec = SPEC.model_copy(update={"target": SPEC.target.model_copy(update={"label_delay_days": 0})})
    close(make_run, watch(spec=spec))
    asked.clear()
    parcels.deliver([6], days=[6])
    watch(spec=spec)
    assert columns_behind(asked, 5) == [{"id", "at"}]


def test_if_one_of_them_came_late_they_are_read_whole(watch, make_run, parcels: Parcels, asked):
    spec = SPEC.model_copy(update={"target": SPEC.target.model_copy(update={"label_delay_days": 0})})
    close(make_run, watch(spec=spec))
    asked.clear()
    parcels.deliver([6, 7], days=[6, 4.5])
    check = watch(spec=spec)
    assert check.late_rows == 1
    assert columns_behind(asked, 5) == [{"id", "at"}, {"id", "at", "weight", "late"}]


@pytest.mark.parametrize("key", [[], ["id"]])
def test_late_rows_without_a_key_are_told_by_all_that_they_hold(watch, store, make_run, parcels: Parcels, key):
    spec = ModelSpec.model_validate(SPEC.model_dump() | {"source": SPEC.source.model_dump() | {"key": key}})
    nameless = parcels.folder / "nameless.parquet"

    def deliver(*weights):
        pd.DataFrame({"weight": weights}).assign(id=pd.NA, at=day(4), late=0).to_parquet(nameless, index=False)

    deliver(1.0, 2.0)
    close(make_run, watch(spec=spec))
    deliver(1.0, 2.0, 3.0)
    parcels.deliver([6], days=[6])
    check = watch(spec=spec)
    assert (check.rows, check.late_rows) == (1, 1)
    assert sorted(read_rows(store, check.batch)["weight"]) == [3.0, 6.0]


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
