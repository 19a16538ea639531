"""Records in the store: none is believed that is not what was written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.record import Record
from perennial.store import Damaged, KeyNotFound, LocalStore
from perennial.store.sealed import read_record, read_versioned_record, seal


class Parcel(Record):
    number: int
    to: str
    at: datetime


PARCEL = Parcel(number=41, to="Ålesund", at=datetime(2024, 1, 1, tzinfo=UTC))
SEALED = seal(PARCEL)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def read(store: LocalStore) -> Parcel:
    return read_record(store, "m/parcel.json", Parcel, "Send it again")


def test_a_record_comes_back_as_it_was_written_whatever_its_layout(store):
    for indent in (2, None):
        store.write("m/parcel.json", seal(PARCEL, indent=indent))
        assert read(store) == PARCEL
    assert read_versioned_record(store, "m/parcel.json", Parcel, "")[1] == store.read_versioned("m/parcel.json").version


def test_a_record_that_is_not_there_is_not_a_damaged_one(store):
    with pytest.raises(KeyNotFound):
        read(store)


@given(bit=st.integers(0, 8 * len(SEALED) - 1))
def test_no_flipped_bit_changes_what_a_record_says(tmp_path_factory, bit):
    store = LocalStore(tmp_path_factory.getbasetemp() / "flipped")
    store.write("m/parcel.json", flipped(SEALED, bit))
    with pytest.raises(Damaged):
        read(store)


@pytest.mark.parametrize("kept", range(0, len(SEALED), 7))
def test_a_record_that_ends_too_early_is_damaged(store, kept):
    store.write("m/parcel.json", SEALED[:kept])
    with pytest.raises(Damaged):
        read(store)


@pytest.mark.parametrize(
    "found",
    [b"", b"\0" * 40, b"\xff\xfe{", b"[]", b"null", b"{}", b"[" * 100_000, b'{"number": 1e999}', b"<html>"],
    ids=["empty", "zeros", "not UTF-8", "list", "null", "no fields", "nested", "number", "page"],
)
def test_what_is_no_such_record_is_damaged(store, found):
    store.write("m/parcel.json", found)
    with pytest.raises(Damaged):
        read(store)


def test_the_error_names_key_fault_and_what_to_do_and_has_the_version_for_whoever_makes_it_again(store):
    version = store.write("m/parcel.json", SEALED.replace(b"41", b"42"))
    with pytest.raises(
        Damaged, match=r"m/parcel\.json is damaged: .*digest.*remove its line sha256.*Send it again"
    ) as found:
        read(store)
    assert found.value.version == version
    store.write("m/parcel.json", b'{"number": "x"}')
    with pytest.raises(Damaged, match=r"valid integer.* in 'number', and 2 more\. Send it again"):
        read(store)


def test_a_record_without_a_seal_is_read_as_older_versions_and_people_write_it(store):
    store.write("m/parcel.json", PARCEL.model_dump_json().encode())
    assert read(store) == PARCEL


def test_no_control_character_of_a_damaged_record_reaches_the_message(store):
    store.write("m/parcel.json", b'{"number": 1, "to": "a", "at": "2024-01-01", "\\u001b[31m": 1}')
    with pytest.raises(Damaged) as found:
        read(store)
    assert "\x1b" not in str(found.value)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
