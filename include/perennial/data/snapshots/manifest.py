"""The manifest that is stored beside a snapshot's rows."""

from __future__ import annotations

from perennial.data.snapshots.records import Snapshot, SourceObject
from perennial.errors import DataError
from perennial.layout import MANIFEST
from perennial.record import Record
from perennial.store.damage import Damaged
from perennial.store.protocol import KeyNotFound, Store
from perennial.store.sealed import read_versioned_record


class SnapshotFile(Record):
    """A Parquet file of a snapshot."""

    name: str
    rows: int
    size_bytes: int


class Manifest(Snapshot):
    """A snapshot, its files, and where its rows came from. A snapshot without a manifest does not exist."""

    parts: tuple[SnapshotFile, ...]
    source_objects: tuple[SourceObject, ...]


def repair_advice(model: str) -> str:
    """Return what depends on a model's snapshot, and what to do if it is damaged, as a part of error messages."""
    return (
        "Trainings from this snapshot, and checks of a champion that came from it, need it. While the source has its "
        f"rows, an ingest with the same spec and time writes it again: run `perennial run {model} --as-of TIME "
        "--dry-run`, or clear the run in Airflow from 'ingest' on. Otherwise put the file back from a backup "
        "(docs/deploy.md)"
    )


def find_manifest(store: Store, model: str, digest: str) -> tuple[Manifest, str] | None:
    """Return the manifest of a model's snapshot and its version in the store; None: there is no such snapshot.

    Raises
    ------
    Damaged
        The manifest is not what was written, or belongs to another snapshot.
    """
    key = MANIFEST.key(model, digest)
    try:
        manifest, version = read_versioned_record(store, key, Manifest, repair_advice(model))
    except KeyNotFound:
        return None
    if (manifest.model, manifest.digest) != (model, digest):
        fault = f"is the manifest of snapshot {manifest.digest} of {manifest.model}"
        raise Damaged(f"{store.uri}/{key}", fault, repair_advice(model), version=version)
    return manifest, version


def load_manifest(store: Store, model: str, digest: str) -> Manifest:
    """Return the manifest of a model's snapshot.

    Raises
    ------
    DataError
        There is no such snapshot.
    Damaged
        The manifest is not what was written, or belongs to another snapshot.
    """
    found = find_manifest(store, model, digest)
    if found is None:
        raise DataError(
            f"{store.uri} has no snapshot {digest} of {model}: it was removed, or its ingest never ended; run ingest"
        )
    return found[0]
