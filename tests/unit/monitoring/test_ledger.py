from __future__ import annotations

import pytest

from perennial.layout import LEDGER_ENTRY
from perennial.monitoring import ledger
from perennial.monitoring.records import LedgerEntry
from perennial.store.protocol import KeyNotFound, Store
from tests.unit.monitoring.parcels import end_retraining, make_entry, make_result


def fill(store: Store, *outcomes: str) -> list[LedgerEntry]:
    """Append an entry for each outcome, linked as `decide` links them."""
    entries, last = [], None
    for sequence, outcome in enumerate(outcomes, start=1):
        entries.append(ledger.append(store, make_entry(sequence, outcome, last_trigger=last)))
        last = sequence if outcome == "trigger" else last
    return entries


def test_an_entry_that_is_there_stands(any_store: Store) -> None:
    first = ledger.append(any_store, make_entry(1, "hold"))
    assert ledger.append(any_store, make_entry(1, "trigger")) == first
    assert ledger.read_ledger(any_store, "parcels") == (first,)


def test_all_get_what_is_stored_the_first_one_too(any_store: Store) -> None:
    odd = make_result("performance", figures={"roc_auc": float("nan")})
    kept = ledger.append(any_store, make_entry(1, "none", odd))
    assert kept.results[0].figures["roc_auc"] == "NaN"
    assert ledger.read_entry(any_store, "parcels", 1) == kept


def test_entries_come_in_the_order_of_their_numbers(any_store: Store) -> None:
    for sequence in (2, 10, 1, 9):
        ledger.append(any_store, make_entry(sequence))
    assert [entry.sequence for entry in ledger.read_ledger(any_store, "parcels")] == [1, 2, 9, 10]


def test_one_models_ledger_is_no_others(any_store: Store) -> None:
    fill(any_store, "none")
    assert ledger.read_ledger(any_store, "parcel") == ()
    assert ledger.find_entry(any_store, "parcel", 1) is None


def test_an_entry_that_is_not_there(any_store: Store) -> None:
    assert ledger.find_entry(any_store, "parcels", 1) is None
    with pytest.raises(KeyNotFound):
        ledger.read_entry(any_store, "parcels", 1)


def test_looking_back_goes_from_the_newest_to_the_oldest_or_to_a_gap(any_store: Store) -> None:
    fill(any_store, "none", "trigger", "none", "hold")
    assert [entry.sequence for entry in ledger.entries_before(any_store, "parcels", 4)] == [3, 2, 1]
    any_store.delete(LEDGER_ENTRY.key("parcels", 2))
    assert [entry.sequence for entry in ledger.entries_before(any_store, "parcels", 5)] == [4, 3]
    assert list(ledger.entries_before(any_store, "parcels", 1)) == []


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["none", "trigger", "none", "none", "trigger", "none", "none"], [5, 2]),
        (["trigger", "trigger"], [2, 1]),
        (["none", "none"], []),
        ([], []),
    ],
)
def test_triggers_are_found(any_store: Store, outcomes: list[str], expected: list[int]) -> None:
    fill(any_store, *outcomes)
    found = ledger.triggers_before(any_store, "parcels", len(outcomes) + 1)
    assert [entry.sequence for entry in found] == expected


def test_triggers_are_found_without_reading_what_lies_between(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, "trigger", *["none"] * 50, "trigger", *["none"] * 50)
    read: list[int] = []
    find = ledger.find_entry
    monkeypatch.setattr(ledger, "find_entry", lambda s, m, number: read.append(number) or find(s, m, number))
    assert len(list(ledger.triggers_before(store, "parcels", 103))) == 2
    assert read == [102, 52, 1]


@pytest.mark.parametrize("result", ["promoted", "rejected", "failed"])
def test_how_a_retraining_ended_is_read_from_what_it_left(any_store: Store, result: str) -> None:
    (entry,) = fill(any_store, "trigger")
    end_retraining(any_store, "run-1", result)
    assert ledger.retraining_outcomes(any_store, [entry], active=())["run-1"].result == result


def test_one_that_is_under_way_has_not_ended_and_one_without_a_promotion_has_failed(any_store: Store) -> None:
    entries = fill(any_store, "trigger", "none", "trigger")
    end_retraining(any_store, "run-1", "promoted")
    any_store.delete("parcels/runs/run-1/promotion.json")
    found = ledger.retraining_outcomes(any_store, entries, active=("run-3",))
    assert found["run-3"].result == "running"
    assert found["run-1"].result == "failed"
    assert "Not promoted, although: promote." in found["run-1"].sentence
    assert set(found) == {"run-1", "run-3"}


@pytest.mark.parametrize(("result", "ended"), [("promoted", True), ("rejected", True), ("failed", False)])
def test_one_without_a_word_of_how_it_ended_may_be_lost(any_store: Store, result: str, ended: bool) -> None:
    (entry,) = fill(any_store, "trigger")
    end_retraining(any_store, "run-1", result)
    assert ledger.has_ended(any_store, "parcels", "run-1") == ended
    ledger.record_failure(any_store, "parcels", "run-1", "the rows are wrong")
    assert ledger.has_ended(any_store, "parcels", "run-1")
    outcome = ledger.retraining_outcomes(any_store, [entry], active=())["run-1"]
    assert outcome.result == result
    assert ended or outcome.sentence == "the rows are wrong"


def test_closing_the_breaker_says_from_where_who_and_why(any_store: Store) -> None:
    assert ledger.breaker_closed(any_store, "parcels") is None
    assert ledger.close_breaker(any_store, "parcels", by="me").after_sequence == 0
    fill(any_store, *["trigger"] * 3)
    closed = ledger.close_breaker(any_store, "parcels", by="me", reason="the source is mended")
    assert closed.after_sequence == 3
    assert ledger.breaker_closed(any_store, "parcels") == closed
