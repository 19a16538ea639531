"""How a model's source changes its columns from one snapshot to the next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from perennial.outcomes import ColumnChange, Outcome
from perennial.store.protocol import Conflict, KeyNotFound, Store, Versioned

_ATTEMPTS = 5


class Seen(Outcome):
    """The source as a run found it."""

    run_id: str
    digest: str
    as_of: datetime
    source_schema: dict[str, str]
    """Column -> type as found, of all columns of the source."""


class Latest(Outcome):
    """Content of `<model>/latest_snapshot.json`: the newest snapshot by `as_of`, and that before it."""

    snapshot: Seen
    previous: Seen | None


def previous_schema(store: Store, model: str, run_id: str, digest: str) -> dict[str, str] | None:
    """Return the source's columns as they were at the last other snapshot; None: there was no other.

    A run that is retried finds its own mark, of the same rows, and looks behind it: it reports what it reported first.
    A command that is repeated on newer rows has the same run id, and is compared with what it found before.
    """
    found = _read(store, model)
    if found is None:
        return None
    latest = Latest.model_validate_json(found.data)
    again = (latest.snapshot.run_id, latest.snapshot.digest) == (run_id, digest)
    seen = latest.previous if again else latest.snapshot
    return seen.source_schema if seen else None


def schema_changes(before: Mapping[str, str] | None, after: Mapping[str, str]) -> tuple[ColumnChange, ...]:
    """Return added, removed and retyped columns, by name. Columns without a value have no type to change."""
    if before is None:
        return ()
    changes = []
    for column in sorted({*before, *after}):
        old, new = before.get(column), after.get(column)
        if old is None or new is None:
            change = ColumnChange(column=column, change="added" if old is None else "removed", before=old, after=new)
        elif old != new and "null" not in (old, new):
            change = ColumnChange(column=column, change="retyped", before=old, after=new)
        else:
            continue
        changes.append(change)
    return tuple(changes)


def mark_latest(store: Store, model: str, seen: Seen, *, believed_until: datetime) -> None:
    """Make a snapshot the model's latest, unless there is one with a newer `as_of` that can be true."""
    for attempt in range(_ATTEMPTS):
        found = _read(store, model)
        latest = Latest.model_validate_json(found.data) if found else None
        if latest and seen.as_of < latest.snapshot.as_of <= believed_until:
            return
        before = latest.snapshot if latest else None
        if latest and (latest.snapshot.run_id, latest.snapshot.digest) == (seen.run_id, seen.digest):
            before = latest.previous
        data = Latest(snapshot=seen, previous=before).model_dump_json(indent=2).encode()
        try:
            if found:
                store.replace(_key(model), data, found.version)
            else:
                store.create(_key(model), data)
        except Conflict:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _read(store: Store, model: str) -> Versioned | None:
    try:
        return store.read_versioned(_key(model))
    except KeyNotFound:
        return None


def _key(model: str) -> str:
    return f"{model}/latest_snapshot.json"
