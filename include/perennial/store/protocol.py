"""What every store must do. Each adapter passes tests/unit/store/test_contract.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from perennial.errors import StoreError


class KeyNotFound(StoreError):
    """Nothing is stored under the key."""


class Conflict(StoreError):
    """A conditional write found another version than it expected."""


@dataclass(frozen=True)
class StoredObject:
    """An entry of a listing.

    `version` changes whenever the content does. It is cheap (a local file is not read for it), so it may differ from
    the version that `replace` takes: that one comes from `read_versioned`.
    """

    key: str
    size_bytes: int
    modified: datetime
    version: str


@dataclass(frozen=True)
class Versioned:
    """Content, and the version to pass to `replace`."""

    data: bytes
    version: str


class Store(Protocol):
    """Bytes under slash-separated keys.

    A reader sees an object completely or not at all, even if a writer is killed.
    """

    uri: str

    def read(self, key: str) -> bytes:
        """Return the content, or raise KeyNotFound."""

    def read_versioned(self, key: str) -> Versioned:
        """Return the content and its version, or raise KeyNotFound."""

    def exists(self, key: str) -> bool:
        """Tell whether something is stored under the key."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield all objects whose key starts with the prefix (a folder: end it with a slash), in key order."""

    def write(self, key: str, data: bytes) -> str:
        """Store atomically, over whatever is there; return the new version."""

    def create(self, key: str, data: bytes) -> str:
        """Store only if nothing is there; raise Conflict otherwise; return the version."""

    def replace(self, key: str, data: bytes, expected: str) -> str:
        """Store only over the expected version; raise Conflict otherwise (also if gone); return the new version."""

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's content atomically, over whatever is there. May move `path`."""

    def delete(self, key: str) -> None:
        """Remove the object; does nothing if it is not there."""

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """Give a readable file with the content, which exists until the block ends. Do not write to it."""

    def scratch(self) -> AbstractContextManager[Path]:
        """Give an empty folder on the disk from which `put_file` is cheapest. It is removed when the block ends.

        The folders of killed processes are removed by later calls.
        """
