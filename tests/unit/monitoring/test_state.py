from __future__ import annotations

import pytest

from perennial.errors import StoreError
from perennial.layout import STATE
from perennial.monitoring.records import Alarm, MonitorState
from perennial.monitoring.state import load_state, save_state
from perennial.store.protocol import Store
from tests.unit.monitoring.parcels import day


def test_a_model_that_was_never_watched_has_an_empty_state(any_store: Store) -> None:
    assert load_state(any_store, "parcels") == (MonitorState(), None)


def test_a_state_comes_back_as_it_was_saved(any_store: Store) -> None:
    alarm = Alarm(tests=("ks",), champion_version="2", sequence=7, as_of=day(7))
    state = MonitorState(sequence=8, cursor=day(8), champion_version="2", page_hinkley={"rows": 3}, alarm=alarm)
    assert save_state(any_store, "parcels", state, None)
    loaded, version = load_state(any_store, "parcels")
    assert loaded == state
    assert save_state(any_store, "parcels", MonitorState(sequence=9), version)
    assert load_state(any_store, "parcels")[0].sequence == 9


@pytest.mark.parametrize("sequence", [1, 2])
def test_whoever_comes_second_changes_nothing(any_store: Store, sequence: int) -> None:
    _, version = load_state(any_store, "parcels")
    assert save_state(any_store, "parcels", MonitorState(sequence=sequence, cursor=day(1)), version)
    assert not save_state(any_store, "parcels", MonitorState(sequence=1, cursor=day(9)), version)
    assert load_state(any_store, "parcels")[0].cursor == day(1)


def test_of_two_who_replace_the_same_version_one_does(any_store: Store) -> None:
    save_state(any_store, "parcels", MonitorState(sequence=1), None)
    _, version = load_state(any_store, "parcels")
    assert save_state(any_store, "parcels", MonitorState(sequence=2, cursor=day(2)), version)
    assert not save_state(any_store, "parcels", MonitorState(sequence=2, cursor=day(3)), version)
    assert load_state(any_store, "parcels")[0].cursor == day(2)


def test_a_state_that_was_changed_by_hand_is_an_error(any_store: Store) -> None:
    save_state(any_store, "parcels", MonitorState(sequence=5), None)
    _, version = load_state(any_store, "parcels")
    any_store.write(STATE.key("parcels"), MonitorState(sequence=3).model_dump_json().encode())
    with pytest.raises(StoreError, match="is at check 3 and was changed while check 6 was closed"):
        save_state(any_store, "parcels", MonitorState(sequence=6), version)


def test_a_damaged_state_says_what_to_do(any_store: Store) -> None:
    any_store.write(STATE.key("parcels"), b"{")
    with pytest.raises(StoreError, match=r"parcels/monitor/state\.json is damaged: .* Put it back from a backup"):
        load_state(any_store, "parcels")
