"""A check that was opened before: repeated as it was, or begun again."""

from __future__ import annotations

import pytest

from perennial.digests import check_digest
from perennial.layout import CHECK
from perennial.monitoring.drift_tests.rows import read_rows
from perennial.monitoring.steps import decide
from perennial.store import Damaged
from tests.unit.monitoring.opened import SPEC, ids
from tests.unit.monitoring.parcels import Parcels, day, make_champion, make_result, make_spec, write_origin


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
