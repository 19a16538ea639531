from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from perennial.data.snapshots.schema_history import LatestSnapshot, mark_latest, previous_schema, schema_changes
from perennial.store.local import LocalStore
from perennial.store.protocol import Conflict

AS_OF = datetime(2013, 1, 1, tzinfo=UTC)
BELIEVED = AS_OF + timedelta(days=365)


def seen(run_id: str, days: int, **columns: str) -> LatestSnapshot:
    return LatestSnapshot(run_id=run_id, digest=run_id, as_of=AS_OF + timedelta(days=days), source_schema=columns)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def test_the_first_run_has_nothing_to_compare_with(store: LocalStore) -> None:
    assert previous_schema(store, "m", "one", "one") is None
    assert schema_changes(None, {"a": "int64"}) == ()
    mark_latest(store, "m", seen("one", 0, a="int64"), believed_until=BELIEVED)
    assert previous_schema(store, "m", "one", "one") is None


def test_a_retried_run_compares_with_the_run_before_it_however_often(store: LocalStore) -> None:
    mark_latest(store, "m", seen("one", 0, a="int64"), believed_until=BELIEVED)
    for _ in range(3):
        assert previous_schema(store, "m", "two", "two") == {"a": "int64"}
        mark_latest(store, "m", seen("two", 1, a="double"), believed_until=BELIEVED)
    assert previous_schema(store, "m", "three", "three") == {"a": "double"}


def test_an_older_as_of_does_not_become_the_latest(store: LocalStore) -> None:
    mark_latest(store, "m", seen("one", 5, a="int64"), believed_until=BELIEVED)
    mark_latest(store, "m", seen("backfill", 1, a="double"), believed_until=BELIEVED)
    assert previous_schema(store, "m", "two", "two") == {"a": "int64"}


def test_an_as_of_in_the_future_does_not_stay_the_latest(store: LocalStore) -> None:
    mark_latest(store, "m", seen("a wrong clock", 64_000, a="int64"), believed_until=AS_OF + timedelta(days=70_000))
    mark_latest(store, "m", seen("one", 1, a="double"), believed_until=BELIEVED)
    assert previous_schema(store, "m", "two", "two") == {"a": "double"}


def test_a_mark_that_was_overtaken_is_made_on_top(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    mark_latest(store, "m", seen("one", 0, a="int64"), believed_until=BELIEVED)
    real = LocalStore.replace

    def overtaken(self: LocalStore, *args: Any) -> str:
        monkeypatch.setattr(LocalStore, "replace", real)
        mark_latest(store, "m", seen("other", 1, a="double"), believed_until=BELIEVED)
        raise Conflict("overtaken")

    monkeypatch.setattr(LocalStore, "replace", overtaken)
    mark_latest(store, "m", seen("two", 2, a="string"), believed_until=BELIEVED)
    assert previous_schema(store, "m", "two", "two") == {"a": "double"}


def test_a_column_that_had_no_value_is_not_retyped() -> None:
    assert schema_changes({"a": "null", "b": "text"}, {"a": "number", "b": "null"}) == ()


def test_a_command_that_is_repeated_on_newer_rows_compares_with_its_earlier_self(store: LocalStore) -> None:
    mark_latest(
        store,
        "m",
        LatestSnapshot(run_id="cli", digest="a", as_of=AS_OF, source_schema={"x": "int64"}),
        believed_until=BELIEVED,
    )
    assert previous_schema(store, "m", "cli", "a") is None
    assert previous_schema(store, "m", "cli", "b") == {"x": "int64"}
