"""How the columns of a model's source change from one snapshot to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from perennial.data.snapshots.records import ColumnChange
from perennial.errors import DataError
from perennial.layout import LATEST_SNAPSHOT
from perennial.printable import PrintableLog
from perennial.record import Record
from perennial.spec.source import Changes
from perennial.store.damage import Damaged
from perennial.store.protocol import Conflict, KeyNotFound, Store
from perennial.store.sealed import read_versioned_record, seal

log = PrintableLog(__name__)

_ATTEMPTS = 5
_ADVICE = (
    "Changes of the source's columns since the last snapshot are not reported this time; an ingest writes it again"
)


class LatestSnapshot(Record):
    """The source as a run found it."""

    run_id: str
    digest: str
    as_of: datetime
    source_schema: dict[str, str]
    """Column -> type in the source, for all columns of the source."""
    imputed: tuple[str, ...] = ()
    """Features that the source lacked, and had before."""


class Latest(Record):
    """Content of `<model>/latest_snapshot.json`: the newest snapshot by `as_of`, and the one before it."""

    snapshot: LatestSnapshot
    previous: LatestSnapshot | None


def previous_schema(store: Store, model: str, run_id: str, digest: str) -> dict[str, str] | None:
    """Return the source's columns as they were at the last other snapshot; None: there was no other.

    A run that is retried on the same rows finds its own entry and compares with the one before, so it reports the same
    changes again. A command that is repeated on newer rows has the same run id, and is compared with its earlier entry.
    """
    latest, _ = _read(store, model)
    if latest is None:
        return None
    again = (latest.snapshot.run_id, latest.snapshot.digest) == (run_id, digest)
    seen = latest.previous if again else latest.snapshot
    return seen.source_schema if seen else None


def columns_seen(store: Store, model: str) -> set[str]:
    """Return the columns that the source has had: a feature that is not among them is not gone, but misspelt."""
    latest, _ = _read(store, model)
    seen = filter(None, (latest.snapshot, latest.previous)) if latest else ()
    return {name for one in seen for name in (*one.source_schema, *one.imputed)}


def schema_changes(before: Mapping[str, str] | None, after: Mapping[str, str]) -> tuple[ColumnChange, ...]:
    """Return added, removed and retyped columns, sorted by name. The type of a column without values is ignored."""
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


def refuse_changes(changes: Sequence[ColumnChange], allowed: Changes, where: str) -> None:
    """Raise DataError with every change that the spec does not only note.

    Parameters
    ----------
    changes : sequence of ColumnChange
    allowed : Changes
        The spec's `source.changes`.
    where : str
        The source's name.
    """
    given = {"added": ("new", allowed.new), "removed": ("gone", allowed.gone), "retyped": ("retyped", allowed.retyped)}
    refused = [(change, given[change.change][0]) for change in changes if given[change.change][1] == "stop"]
    if refused:
        lines = [
            f"  source.changes.{field}: column {change.column!r} was {change.before or 'not there'}, "
            f"is {change.after or 'not there'}"
            for change, field in refused
        ]
        raise DataError(
            f"{where} has changed since the last snapshot, and the spec stops such a run:\n"
            + "\n".join(lines)
            + "\nCorrect the source; or accept the change: set the field to note for one run"
        )


def mark_latest(store: Store, model: str, seen: LatestSnapshot, *, believed_until: datetime) -> None:
    """Record a snapshot as the model's latest, unless the recorded one has a newer `as_of` up to `believed_until`."""
    for attempt in range(_ATTEMPTS):
        latest, version = _read(store, model)
        if latest and seen.as_of < latest.snapshot.as_of <= believed_until:
            return
        before = latest.snapshot if latest else None
        if latest and (latest.snapshot.run_id, latest.snapshot.digest) == (seen.run_id, seen.digest):
            before = latest.previous
        data = seal(Latest(snapshot=seen, previous=before))
        try:
            if version is None:
                store.create(LATEST_SNAPSHOT.key(model), data)
            else:
                store.replace(LATEST_SNAPSHOT.key(model), data, version)
        except Conflict:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _read(store: Store, model: str) -> tuple[Latest | None, str | None]:
    """Return the record and its version. A damaged one is only a warning: it serves only to report changed columns."""
    try:
        return read_versioned_record(store, LATEST_SNAPSHOT.key(model), Latest, _ADVICE)
    except KeyNotFound:
        return None, None
    except Damaged as damage:
        log.warning("%s", damage)
        return None, damage.version
