"""The gate that refuses writes while S3 is meant to be full."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from chaos import gate
from perennial.errors import StoreUnavailable
from perennial.store import open_store
from tests.conftest import S3Server

pytestmark = pytest.mark.integration


@pytest.fixture
def through_gate(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The address of a gate before the S3 server; the file tmp_path / 'full' closes it for writes."""
    address = urlsplit(s3_server.endpoint)
    monkeypatch.setattr(gate, "FULL", tmp_path / "full")
    monkeypatch.setattr(gate.Gate, "upstream", (address.hostname, address.port), raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), gate.Gate)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_objects_pass_both_ways_and_a_closed_gate_refuses_only_writes(
    s3_server: S3Server, through_gate: str, tmp_path: Path
) -> None:
    s3_server.client().create_bucket(Bucket="gated")
    client = boto3.client(
        "s3",
        endpoint_url=through_gate,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    store = open_store("s3://gated", s3=client)
    store.create("before", b"rows" * 10_000)

    (tmp_path / "full").touch()
    with pytest.raises(StoreUnavailable, match="InsufficientStorage"):
        store.create("meanwhile", b"rows")
    assert store.read("before") == b"rows" * 10_000
    (tmp_path / "full").unlink()

    assert [item.key for item in store.list("")] == ["before"]
    store.delete("before")
    assert not list(store.list(""))
