"""A zip file whose bytes follow from its content alone, and that is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from perennial.audit.records import AuditedFile
from perennial.errors import PerennialError
from perennial.store.sealed import is_sealed

# The earliest that zip can say.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX, _READABLE = 3, 0o644 << 16


class AuditArchive:
    """Files under names, each written once.

    They are not compressed, since two builds of zlib may compress the same bytes differently.

    Parameters
    ----------
    file : binary file
        Opened for writing.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)
        self._files: dict[str, AuditedFile] = {}

    def add(self, name: str, data: bytes, source: str) -> None:
        """Add a file, unless one of its name is there."""
        if name in self._files:
            return
        self.write(name, data)
        digest = hashlib.sha256(data).hexdigest()
        self._files[name] = AuditedFile(
            name=name, sha256=digest, size_bytes=len(data), source=source, sealed=is_sealed(data)
        )

    def write(self, name: str, data: bytes) -> None:
        """Write a file that is not among `files`: the manifest."""
        member = zipfile.ZipInfo(name, _DATE)
        member.create_system, member.external_attr = _UNIX, _READABLE
        self._zip.writestr(member, data)

    @property
    def files(self) -> tuple[AuditedFile, ...]:
        """What was added, by name."""
        return tuple(self._files[name] for name in sorted(self._files))

    def close(self) -> None:
        """Write the list of files that ends a zip file."""
        self._zip.close()


@contextmanager
def written_aside(out: Path) -> Iterator[AuditArchive]:
    """Give an archive beside a path, and rename it to that path when the block ends without an error.

    Raises
    ------
    PerennialError
        The file cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise _cannot_write(out, error) from None
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            archive = AuditArchive(file)
            try:
                yield archive
            finally:
                archive.close()
            file.flush()
            os.fsync(file.fileno())
        aside.replace(out)
    except OSError as error:
        raise _cannot_write(out, error) from None
    finally:
        aside.unlink(missing_ok=True)


def _cannot_write(out: Path, error: OSError) -> PerennialError:
    return PerennialError(f"{out} cannot be written: {error.strerror}. Name a file in a folder that exists, with --out")
