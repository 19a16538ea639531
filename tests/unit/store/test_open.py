"""Which URI opens which store."""

from __future__ import annotations

from pathlib import Path

import pytest

from perennial.errors import StoreError
from perennial.store import LocalStore, open_store
from perennial.store.s3 import S3Store


@pytest.mark.parametrize("form", ["{}", "file://{}", "file://localhost{}"])
def test_a_path_or_file_uri_is_a_local_store(tmp_path: Path, form: str) -> None:
    store = open_store(form.format(tmp_path))
    assert isinstance(store, LocalStore)
    assert store.root == tmp_path


def test_a_relative_path_is_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_store("./.perennial/store").uri == f"file://{tmp_path}/.perennial/store"


def test_a_local_uri_keeps_characters_that_uris_escape(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "a b#c?d%20e"))
    assert open_store(store.uri).uri == store.uri
    store.write("key", b"x")
    assert (tmp_path / "a b#c?d%20e" / "key").is_file()


@pytest.mark.parametrize(
    ("uri", "opened"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
        ("s3://bucket/a#b?c", "s3://bucket/a#b?c"),
    ],
)
def test_an_s3_uri_is_a_bucket_and_a_prefix(uri: str, opened: str) -> None:
    store = open_store(uri)
    assert isinstance(store, S3Store)
    assert store.uri == opened


@pytest.mark.parametrize("uri", ["gs://bucket/x", "https://host/x", "file://host/x", "file://", "S4://b"])
def test_another_scheme_is_refused_with_those_that_work(uri: str) -> None:
    with pytest.raises(StoreError, match=r"use s3://bucket/prefix, file:///folder, or the path"):
        open_store(uri)


@pytest.mark.parametrize("uri", ["", " ", "s3://", "s3:///prefix", "s3://bucket/../other", "s3://bucket/a//b"])
def test_a_uri_without_a_place_is_refused(uri: str) -> None:
    with pytest.raises(StoreError):
        open_store(uri)


@pytest.mark.parametrize("uri", ["s3://key:topsecret@bucket/x", "http://key:topsecret@minio:9000/bucket?a=topsecret"])
def test_a_login_in_the_address_is_refused_and_not_told(uri: str) -> None:
    with pytest.raises(StoreError) as refused:
        open_store(uri)
    assert "topsecret" not in str(refused.value)
