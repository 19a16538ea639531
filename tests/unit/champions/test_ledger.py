from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perennial.champions.ledger import enter, enter_found, next_sequence, read_champions, read_move, write_move
from perennial.champions.records import Move, MoveOrigin
from perennial.store.damage import Damaged
from perennial.store.local import LocalStore
from perennial.store.protocol import Conflict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


def promoted(store, version: str, before: str | None = None, *, state="moved") -> Move:
    last, stored_as = read_move(store, "late")
    move = Move(
        sequence=next_sequence(store, "late", last),
        from_version=before,
        to_version=version,
        state=state,
        origin=MoveOrigin(kind="promoted", at=NOW, by="alice"),
    )
    write_move(store, "late", move, stored_as)
    return move


def found(store, champion: str | None):
    return enter_found(store, "late", lambda: champion, NOW)


def test_a_move_is_entered_once_and_never_changed(store):
    move = promoted(store, "1")
    enter(store, "late", move)
    enter(store, "late", move.model_copy(update={"to_version": "9"}))

    (entry,) = read_champions(store, "late")
    assert (entry.version, entry.previous, entry.by, entry.sequence) == ("1", None, "alice", 1)


def test_a_move_that_a_killed_process_did_not_enter_is_known_and_entered_by_the_next(store):
    promoted(store, "1")
    assert [entry.version for entry in read_champions(store, "late")] == ["1"]

    assert found(store, "1") is None
    store.delete("late/promotion.json")
    assert [entry.version for entry in read_champions(store, "late")] == ["1"]


@pytest.mark.parametrize("state", ["moving", "given up"])
def test_a_move_that_has_not_happened_is_no_entry(store, state):
    enter(store, "late", promoted(store, "1", state=state))
    assert read_champions(store, "late") == ()


def test_an_alias_set_by_hand_is_entered_once_with_what_it_replaced(store):
    enter(store, "late", promoted(store, "2"))

    entry = found(store, "1")
    assert (entry.kind, entry.version, entry.previous, entry.at) == ("found", "1", "2", NOW)
    assert found(store, "1") is None
    assert found(store, None).version is None
    assert [(one.sequence, one.version) for one in read_champions(store, "late")] == [(1, "2"), (2, "1"), (3, None)]


def test_a_model_without_champion_has_no_history(store):
    assert found(store, None) is None
    assert read_champions(store, "late") == ()


def test_a_champion_from_before_the_ledger_begins_it(store):
    old = b'{"sequence": 7, "from_version": "2", "to_version": "3", "state": "moved"}'
    store.write("late/promotion.json", old)
    assert found(store, "3").sequence == 8


def test_while_a_version_is_promoted_nothing_is_taken_for_moved_by_hand(store):
    promoted(store, "1", state="moving")
    assert found(store, "1") is None


def test_a_promotion_that_ends_while_the_alias_is_read_is_not_taken_for_moved_by_hand(store):
    enter(store, "late", promoted(store, "1"))

    def champion_before_the_move_ended():
        enter(store, "late", promoted(store, "2", "1"))
        return "1"

    def champion_after_the_move_began():
        promoted(store, "3", "2", state="moving")
        return "3"

    assert enter_found(store, "late", champion_before_the_move_ended, NOW) is None
    assert enter_found(store, "late", champion_after_the_move_began, NOW) is None
    assert [entry.version for entry in read_champions(store, "late")] == ["1", "2"]


def test_of_two_that_move_at_once_one_has_the_number(store):
    _, stored_as = read_move(store, "late")
    move = promoted(store, "1")
    with pytest.raises(Conflict):
        write_move(store, "late", move, stored_as)


def test_numbers_are_not_used_again_when_the_record_was_deleted(store):
    enter(store, "late", promoted(store, "1"))
    store.delete("late/promotion.json")
    enter(store, "late", promoted(store, "2", "1"))
    assert [(one.sequence, one.version) for one in read_champions(store, "late")] == [(1, "1"), (2, "2")]


def test_a_damaged_entry_is_named(store):
    enter(store, "late", promoted(store, "1"))
    store.write("late/champions/00000001.json", b"{")
    with pytest.raises(Damaged, match=r"champions/00000001.json is damaged"):
        read_champions(store, "late")
