"""Check that a store does what Perennial needs, by trying it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from perennial.errors import StoreError
from perennial.layout import PROBE
from perennial.preflight.clock import Reading, check_clock, now
from perennial.preflight.fault import Fault, NotReady
from perennial.store.protocol import Conflict, KeyNotFound, Store


def check_store(store: Store) -> str:
    """List, write, read, replace and delete a small object, and compare the clocks by its modification time.

    Returns
    -------
    str
        The finding in words.

    Raises
    ------
    NotReady
        The store does not answer.
    Fault
        A right is missing, or the bucket; conditional writes are ignored; the clocks are too far apart.
    """
    key = PROBE.key(uuid.uuid4().hex)
    with _step(store, "list"):
        next(iter(store.list(PROBE.folder())), None)
    before = now()
    with _step(store, "write"):
        version = store.create(key, b"first")
    after = now()
    try:
        with _step(store, "read"):
            _check_content(store, key, b"first")
        with _step(store, "list"):
            modified = [found.modified for found in store.list(key)]
        _check_conditions(store, key, version)
        with _step(store, "read"):
            _check_content(store, key, b"second")
    finally:
        with _step(store, "delete"):
            store.delete(key)
    clock = check_clock(Reading(store.uri, modified[0], before, after)) if modified else "no clock to compare"
    return f"{store.uri} lists, reads, writes and deletes; {clock}"


def _check_content(store: Store, key: str, expected: bytes) -> None:
    if store.read(key) != expected:
        raise Fault(f"{store.uri} does not give back what was written: use another endpoint")


def _check_conditions(store: Store, key: str, version: str) -> None:
    """Check conditional writes: only they keep two schedulers, or a task and its own retry, from writing both."""
    with _step(store, "write on a condition"):
        store.replace(key, b"second", version)
        attempts = (partial(store.create, key, b"third"), partial(store.replace, key, b"third", version))
        for attempt in attempts:
            try:
                attempt()
            except Conflict:
                continue
            raise Fault(
                f"{store.uri} overwrites what it should not: it ignores the conditions If-Match and If-None-Match. "
                "Use an S3 server that honours them"
            )


@contextmanager
def _step(store: Store, action: str) -> Iterator[None]:
    """Add to errors what was tried; the store's own message says what is wrong and what to do."""
    try:
        yield
    except (KeyNotFound, KeyError) as error:  # KeyError: the answer lacks a field that S3 always has
        raise Fault(
            f"cannot {action} in {store.uri}: what answers there is not an S3 server, or it loses objects: check "
            "AWS_ENDPOINT_URL, or the endpoint of the AWS connection"
        ) from error
    except StoreError as error:
        kind = NotReady if error.retryable else Fault
        raise kind(f"cannot {action} in {store.uri}: {error}") from error
