"""What is kept beside a snapshot's rows, and which snapshot of a model is the latest."""

from __future__ import annotations

from pydantic import ValidationError

from perennial.errors import DataError
from perennial.outcomes import Outcome, Snapshot, SourceObject
from perennial.store.protocol import KeyNotFound, Store

MANIFEST = "manifest.json"


class Part(Outcome):
    """A Parquet file of a snapshot."""

    name: str
    rows: int
    size_bytes: int


class Manifest(Snapshot):
    """A snapshot, its files, and where its rows came from. Without it there is no snapshot."""

    parts: tuple[Part, ...]
    source_objects: tuple[SourceObject, ...]


def load_manifest(store: Store, model: str, digest: str) -> Manifest:
    """Return the manifest of a model's snapshot.

    Raises
    ------
    DataError
        If there is no such snapshot, or its manifest is no manifest.
    """
    key = f"{model}/snapshots/{digest}/{MANIFEST}"
    try:
        return Manifest.model_validate_json(store.read(key))
    except KeyNotFound as error:
        raise DataError(
            f"{store.uri} has no snapshot {digest} of {model}: it was removed, or its ingest never ended; run ingest"
        ) from error
    except ValidationError as error:
        raise DataError(f"{store.uri}/{key} is no manifest of this version of Perennial: {error}") from error
