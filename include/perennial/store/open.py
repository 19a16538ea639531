"""Open a store by its URI."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from perennial.address import shown_address
from perennial.errors import StoreError
from perennial.store.local import LocalStore
from perennial.store.protocol import Store


def open_store(uri: str, *, s3: Any = None) -> Store:
    """Return the store that a URI names. Does not read or write anything yet.

    Parameters
    ----------
    uri : str
        `s3://bucket/prefix`, `file:///folder`, or the path of a folder.
    s3 : boto3 S3 client or None
        None: a client is made from the environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_PROFILE and so on).

    Raises
    ------
    StoreError
        If the URI does not name a store, or PERENNIAL_S3_SSE is not an encryption that S3 has.
    """
    if "://" not in uri:
        if not uri.strip():
            raise StoreError("the store has no name: set PERENNIAL_STORE to a folder or to s3://bucket/prefix")
        return LocalStore(Path(uri))
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        # Not parts.path: a key may contain characters, such as '?', that end the path of a URL.
        bucket, _, prefix = uri.partition("://")[2].partition("/")
        if "@" in bucket:
            raise StoreError(
                f"the address of the store, {shown_address(uri)}, has a login before the bucket: give it as "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or as an AWS connection in Airflow"
            )
        from perennial.store.s3 import S3Store  # boto3 takes longer to import than a look at a folder.

        return S3Store(bucket, prefix, client=s3)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return LocalStore(Path(unquote(parts.path)))
    raise StoreError(
        f"{shown_address(uri)!r} is not the address of a store: use s3://bucket/prefix, file:///folder, or the path "
        "of a folder"
    )
