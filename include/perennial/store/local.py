"""A store in a folder of a local (or mounted) file system."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from perennial.errors import StoreError
from perennial.store.disk import disk_errors, make_folder, sync
from perennial.store.keys import check_key, check_prefix
from perennial.store.protocol import Conflict, KeyNotFound, StoredObject, Versioned
from perennial.store.scratch import scratch_folder

_SCRATCH = ".scratch"
_LOCKS = ".locks"
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalStore:
    """Keys are paths below a folder.

    An object is written to a temporary file, flushed to the disk and renamed. Versions are digests of the content.
    Unlike on S3, a key cannot also be the folder of other keys.

    Parameters
    ----------
    root : Path or str
        Created by the first write; reading needs no right to write.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(os.path.realpath(Path(root).expanduser()))
        self.uri = self.root.as_uri()

    def read(self, key: str) -> bytes:
        """Return the content, or raise KeyNotFound."""
        path = self._path(key)
        with disk_errors(path):
            try:
                return path.read_bytes()
            except _NOT_THERE as error:
                raise self._not_found(key) from error

    def read_versioned(self, key: str) -> Versioned:
        """Return the content and its version, or raise KeyNotFound."""
        data = self.read(key)
        return Versioned(data=data, version=_version(data))

    def exists(self, key: str) -> bool:
        """Tell whether something is stored under the key."""
        path = self._path(key)
        with disk_errors(path):
            return path.is_file()

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield all objects whose key starts with the prefix (a folder: end it with a slash), in key order.

        Raises
        ------
        StoreError
            Also for a symbolic link that leads out of the root: skipping its files silently would lose data.
        """
        folder, slash, _ = check_prefix(prefix).rpartition("/")
        return iter(()) if _is_own(folder) else self._walk(folder + slash, prefix)

    def write(self, key: str, data: bytes) -> str:
        """Store atomically, over whatever is there; return the new version."""
        path = self._path(key)
        with self._written(data) as temporary, self._locked(key):
            _move(temporary, path)
        return _version(data)

    def create(self, key: str, data: bytes) -> str:
        """Store only if nothing is there; raise Conflict otherwise; return the version."""
        path = self._path(key)
        with self._written(data) as temporary, disk_errors(path):
            make_folder(path.parent)
            try:
                os.link(temporary, path)
            except FileExistsError as error:
                if path.is_dir():
                    raise
                raise Conflict(f"{key!r} is stored in {self.uri} already") from error
            sync(path.parent)
        return _version(data)

    def replace(self, key: str, data: bytes, expected: str) -> str:
        """Store only over the expected version; raise Conflict otherwise (also if gone); return the new version."""
        path = self._path(key)
        with self._written(data) as temporary, self._locked(key):
            try:
                found = self.read_versioned(key).version
            except KeyNotFound as error:
                raise Conflict(f"{key!r} is gone from {self.uri}: another process removed it") from error
            if found != expected:
                raise Conflict(f"{key!r} in {self.uri} was changed by another process")
            _move(temporary, path)
        return _version(data)

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's content atomically, over whatever is there. Moves `path` if it is on the store's disk."""
        target = self._path(key)
        # A symbolic link is copied, not moved: it may lead anywhere.
        source = Path(os.path.realpath(path))
        with disk_errors(source):
            sync(source)
        with self._locked(key), disk_errors(target):
            make_folder(target.parent)
            try:
                os.replace(source, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                with self._copied(source) as copy:
                    os.replace(copy, target)
            sync(target.parent)

    def delete(self, key: str) -> None:
        """Remove the object; does nothing if it is not there."""
        path = self._path(key)
        if not self.exists(key):
            return
        with self._locked(key), disk_errors(path):
            path.unlink(missing_ok=True)
            sync(path.parent)

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """Give the path of the stored file itself. Do not write to it."""
        if not self.exists(key):
            raise self._not_found(key)
        yield self._path(key)

    def scratch(self) -> AbstractContextManager[Path]:
        """Give an empty folder on the store's disk.

        It is removed when the block ends, or by a later call if the process dies.
        """
        return scratch_folder(self.root / _SCRATCH)

    def _path(self, key: str) -> Path:
        path = self.root / check_key(key)
        if _is_own(key):
            raise StoreError(f"the store cannot use the key {key!r}: {_SCRATCH} and {_LOCKS} are its own folders")
        self._check_inside(path)
        return path

    def _check_inside(self, path: Path) -> None:
        if not Path(os.path.realpath(path)).is_relative_to(self.root):
            raise StoreError(
                f"{path} is or goes through a symbolic link that leads out of {self.root}: "
                "move the files below that folder, or name the folder where they are"
            )

    def _not_found(self, key: str) -> KeyNotFound:
        return KeyNotFound(f"nothing is stored under {key!r} in {self.uri}")

    @contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        """Write a temporary file and flush it to the disk before it gets its name."""
        with self.scratch() as folder:
            path = folder / "content"
            with disk_errors(path), path.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield path

    @contextmanager
    def _copied(self, path: Path) -> Iterator[Path]:
        with self.scratch() as folder:
            copy = folder / "content"
            with disk_errors(copy):
                shutil.copyfile(path, copy)
                sync(copy)
            yield copy

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Keep other processes from writing the key. All keys share 256 lock files, which are never removed."""
        path = self.root / _LOCKS / hashlib.sha256(key.encode()).hexdigest()[:2]
        with disk_errors(path):
            make_folder(path.parent)
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                # Closing is not enough: a process that another thread forked meanwhile would keep the lock.
                fcntl.flock(lock, fcntl.LOCK_UN)
                os.close(lock)

    def _walk(self, folder: str, prefix: str) -> Iterator[StoredObject]:
        for name in self._names(folder):
            key = folder + name
            if name.endswith("/"):
                if key.startswith(prefix):
                    yield from self._walk(key, prefix)
            elif key.startswith(prefix) and (found := self._entry(key)):
                yield found

    def _names(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder, folders with a slash, sorted as the keys that start with them."""
        path = self.root / folder
        self._check_inside(path)
        names = []
        with disk_errors(path):
            try:
                entries = os.scandir(path)
            except _NOT_THERE:
                return ()
            with entries:
                for entry in entries:
                    if entry.is_symlink():
                        self._check_inside(Path(entry.path))
                    if entry.is_dir(follow_symlinks=False):
                        if folder or not _is_own(entry.name):
                            names.append(entry.name + "/")
                    elif entry.is_file():
                        names.append(entry.name)
        return tuple(sorted(names))

    def _entry(self, key: str) -> StoredObject | None:
        path = self.root / key
        with disk_errors(path):
            try:
                status = path.stat()
            except _NOT_THERE:  # removed while the folder was read
                return None
        return StoredObject(
            key=key,
            size_bytes=status.st_size,
            modified=datetime.fromtimestamp(status.st_mtime, tz=UTC),
            # The change time differs even where the modification time was set back, as `cp -p` does.
            version=f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}-{status.st_ctime_ns:x}",
        )


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_own(key: str) -> bool:
    return key.partition("/")[0] in (_SCRATCH, _LOCKS)


def _move(temporary: Path, path: Path) -> None:
    with disk_errors(path):
        make_folder(path.parent)
        os.replace(temporary, path)
        sync(path.parent)
