"""A ledger from which something was taken, or that was put together from two, is not whole."""

from __future__ import annotations

import pytest

from perennial.backup.ledger_order import ledger_problems, read_checks
from perennial.layout import LEDGER_ENTRY
from perennial.monitoring import ledger
from perennial.monitoring.records import MonitorState
from perennial.monitoring.state import save_state
from perennial.store import LocalStore
from tests.unit.monitoring.parcels import make_entry

# Checks 2 and 5 triggered a retraining.
ENTRIES = {
    number: make_entry(number, "trigger" if number in (2, 5) else "none", last_trigger=last)
    for number, last in enumerate([None, None, 2, 2, 2, 5, 5], start=1)
}


def problems(*without: int, state: int | None = 7) -> list[str]:
    entries = {number: entry for number, entry in ENTRIES.items() if number not in without}
    known = None if state is None else MonitorState(sequence=state)
    return list(ledger_problems("parcels", list(entries), entries, known))


@pytest.mark.parametrize("state", [7, 6, None])
def test_a_whole_ledger_has_no_problem_the_check_under_way_included(state):
    assert problems(state=state) == []


@pytest.mark.parametrize("missing", range(1, 8))
def test_each_entry_that_is_missing_is_missed(missing):
    assert any(f"lacks check {missing}:" in found or f"lacks check {missing}," in found for found in problems(missing))


def test_gaps_are_named_from_to():
    assert [found.partition(":")[0] for found in problems(1, 3, 4)] == [
        "parcels/ledger/ lacks check 1",
        "parcels/ledger/ lacks checks 3 to 4",
    ]


def test_a_trigger_that_is_missing_breaks_the_chain_of_those_after_it():
    assert any("check 6 of parcels names check 5 as the last one" in found for found in problems(5))
    changed = ENTRIES | {4: make_entry(4, "none", last_trigger=None)}
    (found,) = ledger_problems("parcels", list(changed), changed, None)
    assert "check 4 of parcels names none as the last one" in found
    assert "in the ledger it is check 2" in found


def test_a_state_of_another_time_than_the_ledger_is_named():
    (found,) = problems(state=9)
    assert "lacks checks 8 to 9, which the state says were made" in found
    (found,) = problems(state=5)
    assert "state.json stands at check 5, and the ledger has checks up to 7" in found


def test_every_damaged_entry_is_named_and_the_others_are_still_looked_at(tmp_path):
    store = LocalStore(tmp_path)
    for entry in ENTRIES.values():
        ledger.append(store, entry)
    save_state(store, "parcels", MonitorState(sequence=7), None)
    assert read_checks(store, "parcels") == (7, [])
    for number in (3, 4):
        store.write(LEDGER_ENTRY.key("parcels", number), b"{")
    store.write(LEDGER_ENTRY.key("parcels", 6), store.read(LEDGER_ENTRY.key("parcels", 7)))
    store.write("parcels/monitor/state.json", b"")
    count, found = read_checks(store, "parcels")
    assert count == 7
    assert [next(n for n in ("state.json", "3.json", "4.json", "6.json") if n in problem) for problem in found] == [
        "state.json",
        "3.json",
        "4.json",
        "6.json",
    ]
    assert "is the entry of check 7" in found[-1]


def test_what_is_no_entry_is_left_alone(tmp_path):
    store = LocalStore(tmp_path)
    store.write("parcels/ledger/notes.txt", b"ours")
    assert ledger.read_ledger(store, "parcels") == ()
    assert ledger.close_breaker(store, "parcels", by="ada").after_sequence == 0
