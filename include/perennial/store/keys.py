"""Which keys are allowed. The same for every adapter, so that a store can be moved from one to another."""

from __future__ import annotations

from perennial.errors import StoreError


def check_key(key: str) -> str:
    """Return the key.

    Raises
    ------
    StoreError
        If the key is not a slash-separated path that stays below the store's root.
    """
    parts = key.split("/")
    if "" in parts:
        raise _refused(key, "it is empty, or has a slash at its start, at its end or next to another")
    if "." in parts or ".." in parts:
        raise _refused(key, "'.' and '..' are not names")
    _check_characters(key)
    return key


def check_foreign_key(key: str) -> str:
    """Return a key that S3 listed and another program may have written: it may have several slashes in a row.

    Raises
    ------
    StoreError
        If a part of the key would lead out of a folder.
    """
    if not {".", ".."}.isdisjoint(key.split("/")) or key.endswith("/"):
        raise _refused(key, "'.' and '..' are not names, and a name does not end with a slash")
    _check_characters(key)
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix of a listing: nothing, the beginning of a key, or a folder with its slash.

    Raises
    ------
    StoreError
        If no key can start with it.
    """
    *folders, _ = prefix.split("/")
    if folders:
        check_key("/".join(folders))
    _check_characters(prefix)
    return prefix


def _check_characters(key: str) -> None:
    if "\0" in key:
        raise _refused(key, "it holds a NUL")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise _refused(key, "it is not valid Unicode") from error


def _refused(key: str, reason: str) -> StoreError:
    return StoreError(f"the store cannot use the key {key!r}: {reason}. Name it like 'model/runs/report.html'")
