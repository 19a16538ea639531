"""Turn a disk's failures into errors that say what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perennial.errors import StoreError, StoreUnavailable

_ADVICE = {
    errno.ENOSPC: "the disk is full: free space there, or point PERENNIAL_STORE elsewhere",
    errno.EDQUOT: "the disk quota is used up: free space there, or point PERENNIAL_STORE elsewhere",
    errno.EACCES: "no permission: give this user the rights to the folder, or point PERENNIAL_STORE elsewhere",
    errno.EPERM: "not permitted, by lack of rights or of hard links: point PERENNIAL_STORE to a folder that has both",
    errno.EROFS: "the file system is read-only: remount it, or point PERENNIAL_STORE elsewhere",
    errno.ENAMETOOLONG: "the name is too long for the file system: use a shorter key",
    errno.EISDIR: "it is a folder, other keys lie below it: use another key",
    errno.ENOTEMPTY: "it is a folder, other keys lie below it: use another key",
    errno.ENOTDIR: "a part of the path is a file where a folder is needed: use another key",
    errno.EEXIST: "a part of the path is a file where a folder is needed: use another key",
    errno.ENOLCK: "the file system has no locks: put the store on a local disk or on S3",
    errno.ENOTSUP: "the file system lacks links or locks: put the store on a local disk or on S3",
}
# What a network disk that does not answer reports; it may answer later.
_TRANSIENT = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a path into a StoreError.

    Use it also where other libraries write into a scratch folder: a full disk is noticed there first.

    Raises
    ------
    StoreUnavailable
        If a network disk does not answer; trying later may help.
    StoreError
        For everything else: disk full, no rights, read-only, and so on.
    """
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        where = error.filename2 or error.filename or path
        if code in _TRANSIENT:
            raise StoreUnavailable(f"{where}: the disk does not answer ({os.strerror(code)})") from error
        raise StoreError(f"{where}: {_ADVICE.get(code, error.strerror or str(error))}") from error


def make_folder(path: Path) -> None:
    """Make a folder and its parents, so that they survive a power cut. Does nothing if the folder exists."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file's content, or a folder's list of names, to the disk, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
