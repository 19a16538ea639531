"""Rows that come late: told from those that were seen, and checked once."""

from __future__ import annotations

import pandas as pd
import pytest

from perennial.data.sources.file_source import FileSource
from perennial.monitoring.drift_tests.rows import read_identities, read_rows
from perennial.spec import ModelSpec
from tests.unit.monitoring.opened import BUSY, SPEC, close, ids
from tests.unit.monitoring.parcels import Parcels, day, make_spec


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


def test_what_will_have_been_seen_covers_the_lateness(watch, store):
    check = watch()
    assert check.seen.after == day(2)
    assert len(read_identities(store, check.seen.key)) == 2
    assert check.seen.columns == ("id",)


def test_without_the_rows_that_were_seen_none_is_late_and_that_is_said(watch, store, make_run, parcels, caplog):
    first = watch()
    close(make_run, first)
    parcels.deliver([6, 7], days=[4, 9])
    store.write(first.seen.key, store.read(first.seen.key)[:-1] + b"x")
    second = watch()
    assert (second.rows, second.late_rows) == (1, 0)
    assert "Once, rows that came late since the last check are not recognised" in caplog.text


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
