"""Folders for unfinished work that disappear with the process that made them, even if it is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perennial.store.disk import disk_errors, make_folder


@contextmanager
def scratch_folder(base: Path) -> Iterator[Path]:
    """Make an empty folder below `base`, and remove it when the block ends.

    Folders below `base` whose process has ended are removed too. Each process holds a lock on a file next to its
    folder, and the operating system releases the lock when the process ends, so the age of a folder does not matter.
    """
    with disk_errors(base):
        make_folder(base)
        _sweep(base)
        lock, name = _claim(base)
    owner = os.getpid()
    try:
        yield base / name
    finally:
        # A child process that was forked meanwhile leaves the block as well, but the folder belongs to its parent.
        if os.getpid() == owner:
            _remove(base, name)
        os.close(lock)


def _claim(base: Path) -> tuple[int, str]:
    while True:
        name = uuid.uuid4().hex
        lock = os.open(_lock_file(base, name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock).st_nlink:
                (base / name).mkdir()
                return lock, name
        except OSError:
            os.close(lock)
            raise
        # Another process removed the file before it was locked, because it looked abandoned.
        os.close(lock)


def _sweep(base: Path) -> None:
    for path in base.glob("*.lock"):
        try:
            lock = os.open(path, os.O_RDWR)
        except OSError:  # gone meanwhile, or another user's
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(base, path.stem)
        except BlockingIOError:  # its process still runs
            pass
        finally:
            os.close(lock)


def _remove(base: Path, name: str) -> None:
    shutil.rmtree(base / name, ignore_errors=True)
    _lock_file(base, name).unlink(missing_ok=True)


def _lock_file(base: Path, name: str) -> Path:
    return base / f"{name}.lock"
