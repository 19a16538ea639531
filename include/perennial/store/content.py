"""Files whose names hold a digest of their content: written whole, and compared with their names when they are read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perennial.store.damage import Damaged
from perennial.store.disk import disk_errors
from perennial.store.protocol import KeyNotFound, Store

_NAMED = re.compile(r"-([0-9a-f]{16})\.\w+$")


def content_name(path: Path, stem: str) -> str:
    """Return `stem`, the beginning of the file's SHA-256 and its suffix: the name that `content_file` compares with."""
    return f"{stem}-{_digest(path)}{path.suffix}"


def names_content(key: str) -> bool:
    """Tell whether a key is one that `content_file` reads."""
    return _NAMED.search(key) is not None


@contextmanager
def content_file(store: Store, key: str, advice: str) -> Iterator[Path]:
    """Give a readable file with the content, as `Store.local_file` does, after comparing the content with its name.

    Parameters
    ----------
    store : Store
    key : str
        Its last part was returned by `content_name`.
    advice : str
        What depends on the file, and what to do if it is damaged: the end of the error's message.

    Raises
    ------
    Damaged
        The file is gone, or its content is not what its name says.
    """
    where = f"{store.uri}/{key}"
    try:
        with store.local_file(key) as path:
            named = _NAMED.search(key)
            if named is None or named[1] != _digest(path):
                raise Damaged(where, "is damaged: its content is not what its name says", advice)
            yield path
    except KeyNotFound:
        raise Damaged(where, "is gone", advice) from None


def _digest(path: Path) -> str:
    with disk_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
