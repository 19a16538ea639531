"""Every way of writing asks S3 to encrypt as PERENNIAL_S3_SSE says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.errors import StoreError
from perennial.store import open_store
from perennial.store.s3 import S3Store
from perennial.store.s3_encryption import VARIABLE, encryption_arguments

MEBIBYTE = 1024 * 1024


def _file_of(folder: Path, size: int) -> Path:
    path = folder / "file"
    path.write_bytes(bytes(size))
    return path


WRITES: dict[str, Callable[[S3Store, Path], object]] = {
    "write": lambda store, _: store.write("key", b"x"),
    "create": lambda store, _: store.create("key", b"x"),
    "replace": lambda store, _: store.replace("key", b"y", store.write("key", b"x")),
    "put_file": lambda store, folder: store.put_file("key", _file_of(folder, 1)),
    "put_file in parts": lambda store, folder: store.put_file("key", _file_of(folder, 17 * MEBIBYTE)),
}


@pytest.mark.integration
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize(("wanted", "kind"), [("AES256", "AES256"), ("aws:kms:my-key", "aws:kms"), ("", "AES256")])
def test_what_is_written_is_encrypted_as_asked(
    s3_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[S3Store, Path], object],
    wanted: str,
    kind: str,
) -> None:
    bucket, client = s3_server.new_bucket(), s3_server.client()
    asked: list[str | None] = []
    for call in ("PutObject", "CreateMultipartUpload"):
        client.meta.events.register(
            f"before-parameter-build.s3.{call}",
            lambda params, **_: asked.append(params.get("ServerSideEncryption")),
        )
    monkeypatch.setenv(VARIABLE, wanted)

    write(S3Store(bucket, "some/prefix", client=client), tmp_path)

    found = s3_server.client().head_object(Bucket=bucket, Key="some/prefix/key")
    assert set(asked) == {kind if wanted else None}
    assert found.get("ServerSideEncryption", "AES256") == kind
    assert ("SSEKMSKeyId" in found) == (kind == "aws:kms")


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        ("", {}),
        ("AES256", {"ServerSideEncryption": "AES256"}),
        ("aws:kms", {"ServerSideEncryption": "aws:kms"}),
        (
            "aws:kms:arn:aws:kms:eu-west-1:1:key/2",
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:eu-west-1:1:key/2"},
        ),
    ],
)
def test_the_variable_says_how(wanted: str, arguments: dict[str, str]) -> None:
    assert encryption_arguments(wanted) == arguments


@pytest.mark.parametrize("wanted", ["aes256", "AES-256", "aws:kms:", "kms", "true", " "])
def test_a_wrong_value_is_an_error_as_the_store_is_opened(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv(VARIABLE, wanted)
    with pytest.raises(StoreError, match=r"PERENNIAL_S3_SSE is .*: use AES256, aws:kms or aws:kms:<key id>"):
        open_store("s3://bucket/prefix")


def test_a_local_store_does_not_mind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "AES256")
    open_store(str(tmp_path)).write("key", b"x")
