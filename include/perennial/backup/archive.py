"""A store as a tar stream, and back."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, Literal

from perennial.errors import StoreError
from perennial.layout import place_of
from perennial.store.disk import disk_errors
from perennial.store.protocol import KeyNotFound, Store, StoredObject

ArchivePart = Literal["records", "objects"]
"""`records`: how far a model has been watched, what was decided and which version is champion; they refer to model
versions. `objects`: everything else. Model versions and records refer to them, and they never change once written."""


def pack(store: Store, part: ArchivePart, archive: BinaryIO) -> int:
    """Write a part of a store as a tar stream.

    Parameters
    ----------
    store : Store
    part : str
        `records` or `objects`.
    archive : binary file
        Need not be seekable.

    Returns
    -------
    int
        How many objects were written. An object that is removed meanwhile, for example by a lifecycle rule, is left
        out.
    """
    count = 0
    with tarfile.open(fileobj=archive, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for item in _items(store, part):
            try:
                with store.local_file(item.key) as path, path.open("rb") as content:
                    member = tarfile.TarInfo(item.key)
                    member.size = os.fstat(content.fileno()).st_size
                    member.mtime = item.modified.timestamp()
                    tar.addfile(member, content)
            except KeyNotFound:
                continue
            count += 1
    return count


def unpack(store: Store, archive: BinaryIO) -> int:
    """Put the objects of a tar stream into a store; objects under the same keys are overwritten.

    Returns
    -------
    int
        How many objects were put back.

    Raises
    ------
    StoreError
        The stream is not an archive, or ends too early.
    """
    count = 0
    try:
        with tarfile.open(fileobj=archive, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content is None:
                    raise StoreError(f"{member.name!r} in the archive is not a file: this is not an archive of a store")
                with store.scratch() as folder:
                    path = folder / "content"
                    with disk_errors(path), path.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    store.put_file(member.name, path)
                count += 1
    except (tarfile.TarError, EOFError) as error:
        raise StoreError(f"the archive cannot be read after {count} objects: {error}") from error
    return count


def first_key(store: Store) -> str | None:
    """Return the first key of a store, or None if it is empty. A restore among other objects would mix two states."""
    return next((item.key for item in store.list() if not _is_left_out(item.key)), None)


def _items(store: Store, part: ArchivePart) -> Iterator[StoredObject]:
    if part == "objects":
        yield from (item for item in store.list() if not _is_record(item.key) and not _is_left_out(item.key))
        return
    # Two listings. A check that is closed between them is still open in the copy, and is continued after a restore.
    yield from [item for item in store.list() if _is_record(item.key) and _changes(item.key)]
    yield from (item for item in store.list() if _is_record(item.key) and not _changes(item.key))


def _is_record(key: str) -> bool:
    place = place_of(key)
    return place is not None and place.kind == "record"


def _changes(key: str) -> bool:
    place = place_of(key)
    return place is not None and place.changes


def _is_left_out(key: str) -> bool:
    place = place_of(key)
    return place is not None and place.kind in ("derived", "lease")
