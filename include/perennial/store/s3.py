"""A store under a prefix of an S3 bucket, at Amazon or at any other S3-compatible endpoint."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from perennial.errors import StoreError
from perennial.store.disk import disk_errors
from perennial.store.keys import check_foreign_key, check_key, check_prefix
from perennial.store.protocol import Conflict, KeyNotFound, StoredObject, Versioned
from perennial.store.s3_encryption import VARIABLE, encryption_arguments
from perennial.store.s3_errors import s3_errors
from perennial.store.scratch import scratch_folder

_MEBIBYTE = 1024 * 1024
# Bounds the parts in memory at once. S3Transfer makes parts larger if 10,000 of them cannot hold the file.
_TRANSFER = TransferConfig(multipart_threshold=16 * _MEBIBYTE, multipart_chunksize=16 * _MEBIBYTE, max_concurrency=4)
_WRITER = "perennial-writer"


class S3Store:
    """Keys are object names below a prefix. Versions are ETags.

    S3 shows an object completely or not at all, and supports conditional writes. The parts of an upload that was killed
    are never visible but cost storage: give the bucket a lifecycle rule that aborts incomplete uploads.

    Parameters
    ----------
    bucket : str
    prefix : str
        Put before every key in the bucket, followed by a slash. Empty: the whole bucket.
    client : boto3 S3 client or None
        None: a client is made from the environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_PROFILE and so on).
    encryption : str or None
        How S3 encrypts what is written: `AES256`, `aws:kms` or `aws:kms:<key id>`. None: as PERENNIAL_S3_SSE says, and
        without that the bucket's default.
    """

    def __init__(self, bucket: str, prefix: str = "", *, client: Any = None, encryption: str | None = None) -> None:
        if not bucket:
            raise StoreError("the store has no bucket: name it like s3://bucket/prefix")
        folder = prefix.strip("/")
        self._bucket = bucket
        self._base = f"{check_key(folder)}/" if folder else ""
        self._encrypted = encryption_arguments(os.environ.get(VARIABLE, "") if encryption is None else encryption)
        self._client = client or _client_from_environment()
        self.uri = f"s3://{bucket}/{folder}".rstrip("/")

    def read(self, key: str) -> bytes:
        """Return the content, or raise KeyNotFound."""
        return self.read_versioned(key).data

    def read_versioned(self, key: str) -> Versioned:
        """Return the content and its version, or raise KeyNotFound."""
        with s3_errors(self._name(key)):
            answer = self._client.get_object(**self._at(key))
            return Versioned(data=answer["Body"].read(), version=answer["ETag"])

    def exists(self, key: str) -> bool:
        """Tell whether something is stored under the key."""
        try:
            with s3_errors(self._name(key)):
                self._client.head_object(**self._at(key))
        except KeyNotFound:
            return False
        return True

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield all objects whose key starts with the prefix (a folder: end it with a slash), in key order.

        Objects that only mark a folder, with a slash at their end, are left out.
        """
        return self._pages(self._base + check_prefix(prefix))

    def write(self, key: str, data: bytes) -> str:
        """Store atomically, over whatever is there; return the new version."""
        with s3_errors(self._name(key)):
            return str(self._client.put_object(**self._at(key), **self._encrypted, Body=data)["ETag"])

    def create(self, key: str, data: bytes) -> str:
        """Store only if nothing is there; raise Conflict otherwise; return the version."""
        return self._put_if(key, data, {"IfNoneMatch": "*"})

    def replace(self, key: str, data: bytes, expected: str) -> str:
        """Store only over the expected version; raise Conflict otherwise (also if gone); return the new version."""
        try:
            return self._put_if(key, data, {"IfMatch": expected})
        except KeyNotFound as error:
            raise Conflict(f"{self._name(key)} is gone: another process removed it") from error

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's content atomically, over whatever is there, in parts if it is large."""
        place = self._at(key)
        with disk_errors(path), s3_errors(self._name(key)):
            self._client.upload_file(
                str(path), place["Bucket"], place["Key"], ExtraArgs=self._encrypted or None, Config=_TRANSFER
            )

    def delete(self, key: str) -> None:
        """Remove the object; does nothing if it is not there."""
        with s3_errors(self._name(key)):
            self._client.delete_object(**self._at(key))

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """Give a copy of the object on the local disk, which exists until the block ends.

        Takes every key that `list` returns: other programs write keys with several slashes in a row.
        """
        place = {"Bucket": self._bucket, "Key": self._base + check_foreign_key(key)}
        with self.scratch() as folder:
            path = folder / Path(key).name
            try:
                with disk_errors(path), s3_errors(self._name(key)):
                    self._client.download_file(place["Bucket"], place["Key"], str(path), Config=_TRANSFER)
            except KeyNotFound:
                self._check_bucket()
                raise
            yield path

    def scratch(self) -> AbstractContextManager[Path]:
        """Give an empty folder on the local disk.

        It is removed when the block ends, or by a later call if the process dies.
        """
        base = Path(tempfile.gettempdir()) / f"perennial-{os.getuid()}"
        with disk_errors(base):
            base.mkdir(mode=0o700, exist_ok=True)
            # All users share the folder for temporary files: another user may have created ours.
            if base.is_symlink() or base.stat().st_uid != os.getuid():
                raise StoreError(f"{base} belongs to another user: remove it, or set TMPDIR to a folder of your own")
        return scratch_folder(base)

    def _name(self, key: str) -> str:
        return f"{self.uri}/{key}"

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._base + check_key(key)}

    def _put_if(self, key: str, data: bytes, condition: dict[str, str]) -> str:
        writer = uuid.uuid4().hex
        try:
            with s3_errors(self._name(key)):
                answer = self._client.put_object(
                    **self._at(key), **self._encrypted, Body=data, Metadata={_WRITER: writer}, **condition
                )
        except Conflict as error:
            # If the first answer was lost, boto3 sent the request again, and it was refused because our own first write
            # is there.
            mine = self._version_by(writer, key) if _was_sent_again(error.__cause__) else None
            if mine is None:
                raise
            return mine
        return str(answer["ETag"])

    def _version_by(self, writer: str, key: str) -> str | None:
        try:
            with s3_errors(self._name(key)):
                found = self._client.head_object(**self._at(key))
        except KeyNotFound:
            return None
        return str(found["ETag"]) if found["Metadata"].get(_WRITER) == writer else None

    def _check_bucket(self) -> None:
        """Tell a missing bucket from a missing object: S3 answers HEAD in the same way for both."""
        try:
            with s3_errors(self.uri):
                self._client.head_bucket(Bucket=self._bucket)
        except KeyNotFound as error:
            raise StoreError(f"the bucket {self._bucket} does not exist: create it, or name another") from error

    def _pages(self, prefix: str) -> Iterator[StoredObject]:
        with s3_errors(self.uri):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):
                        yield StoredObject(
                            key=entry["Key"].removeprefix(self._base),
                            size_bytes=entry["Size"],
                            modified=entry["LastModified"],
                            version=entry["ETag"],
                        )


def _client_from_environment() -> Any:
    settings = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=10, read_timeout=60)
    # Not boto3.client: its session is shared by all threads, and keeps the first credentials that it finds.
    return boto3.session.Session().client("s3", config=settings)


def _was_sent_again(error: BaseException | None) -> bool:
    return isinstance(error, ClientError) and error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
