"""What only a store on S3 can meet: servers that are away, refuse, stumble, or lose an answer."""

from __future__ import annotations

import http.client
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from perennial.errors import StoreError, StoreUnavailable
from perennial.store import Conflict, KeyNotFound
from perennial.store.s3 import S3Store
from tests.http_server import serving

pytestmark = pytest.mark.integration


def client_of(endpoint: str, attempts: int = 1) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
        config=Config(
            retries={"mode": "standard", "total_max_attempts": attempts}, connect_timeout=2, read_timeout=2, proxies={}
        ),
    )


def always(status: int, code: str) -> type[BaseHTTPRequestHandler]:
    """Answer everything with one of S3's errors."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = f"<Error><Code>{code}</Code><Message>said the server</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler


def losing_the_first_answer_to_a_put(behind: str) -> type[BaseHTTPRequestHandler]:
    """Hand everything on to another server, but hang up after the first PUT instead of passing its answer back."""
    lost = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server = http.client.HTTPConnection(urlsplit(behind).netloc, timeout=10)
            server.request(self.command, self.path, body, dict(self.headers))
            answer = server.getresponse()
            content = answer.read()
            server.close()
            if self.command == "PUT" and not lost.is_set():
                lost.set()
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = hand_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler


class TestLostAnswers:
    def test_a_create_whose_answer_was_lost_has_succeeded(self, s3_server: Any) -> None:
        bucket = s3_server.new_bucket()
        with serving(losing_the_first_answer_to_a_put(s3_server.endpoint)) as endpoint:
            version = S3Store(bucket, client=client_of(endpoint, attempts=3)).create("key", b"mine")
        found = S3Store(bucket, client=s3_server.client()).read_versioned("key")
        assert (found.data, found.version) == (b"mine", version)

    def test_a_replace_whose_answer_was_lost_has_succeeded(self, s3_server: Any) -> None:
        bucket = s3_server.new_bucket()
        old = S3Store(bucket, client=s3_server.client()).write("key", b"old")
        with serving(losing_the_first_answer_to_a_put(s3_server.endpoint)) as endpoint:
            version = S3Store(bucket, client=client_of(endpoint, attempts=3)).replace("key", b"mine", old)
        found = S3Store(bucket, client=s3_server.client()).read_versioned("key")
        assert (found.data, found.version) == (b"mine", version)

    def test_a_create_that_was_sent_twice_and_lost_to_another_with_the_same_content_is_a_conflict(
        self, s3_server: Any
    ) -> None:
        bucket = s3_server.new_bucket()
        S3Store(bucket, client=s3_server.client()).create("key", b"same")
        with serving(losing_the_first_answer_to_a_put(s3_server.endpoint)) as endpoint:
            store = S3Store(bucket, client=client_of(endpoint, attempts=3))
            with pytest.raises(Conflict):
                store.create("key", b"same")


ACTIONS: list[Callable[[S3Store, Path], object]] = [
    lambda store, _: store.read("key"),
    lambda store, _: store.exists("key"),
    lambda store, _: list(store.list()),
    lambda store, _: store.write("key", b"x"),
    lambda store, _: store.create("key", b"x"),
    lambda store, _: store.replace("key", b"x", '"0"'),
    lambda store, folder: store.put_file("key", _file_in(folder)),
    lambda store, _: store.delete("key"),
    lambda store, _: store.local_file("key").__enter__(),
]
NAMES = ["read", "exists", "list", "write", "create", "replace", "put_file", "delete", "local_file"]
every_action = pytest.mark.parametrize("act", ACTIONS, ids=NAMES)


def _file_in(folder: Path) -> Path:
    path = folder / "file"
    path.write_bytes(b"x")
    return path


class TestServersThatRefuse:
    @every_action
    def test_a_server_that_is_away_is_worth_another_try(self, act: Callable[..., object], tmp_path: Path) -> None:
        with serving(always(500, "")) as endpoint:
            pass
        with pytest.raises(StoreUnavailable, match="S3 does not answer") as caught:
            act(S3Store("bucket", client=client_of(endpoint)), tmp_path)
        assert caught.value.retryable

    @every_action
    def test_a_login_in_the_endpoint_s_address_is_not_told(self, act: Callable[..., object], tmp_path: Path) -> None:
        with serving(always(500, "")) as endpoint:
            address = endpoint.replace("://", "://key:topsecret@") + "?token=topsecret"
        with pytest.raises(StoreError) as caught:
            act(S3Store("bucket", client=client_of(address)), tmp_path)
        assert "topsecret" not in "".join(traceback.format_exception(caught.value))

    @every_action
    @pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError")])
    def test_a_server_that_stumbles_is_worth_another_try(
        self, act: Callable[..., object], tmp_path: Path, status: int, code: str
    ) -> None:
        with serving(always(status, code)) as endpoint, pytest.raises(StoreUnavailable):
            act(S3Store("bucket", client=client_of(endpoint)), tmp_path)

    @every_action
    def test_missing_rights_are_said_and_not_tried_again(self, act: Callable[..., object], tmp_path: Path) -> None:
        with (
            serving(always(403, "AccessDenied")) as endpoint,
            pytest.raises(StoreError, match="s3:GetObject") as caught,
        ):
            act(S3Store("bucket", client=client_of(endpoint)), tmp_path)
        assert not caught.value.retryable

    def test_an_endpoint_without_conditional_writes_is_said(self) -> None:
        with (
            serving(always(501, "NotImplemented")) as endpoint,
            pytest.raises(StoreError, match="lacks a function that the store needs") as caught,
        ):
            S3Store("bucket", client=client_of(endpoint)).create("key", b"x")
        assert not caught.value.retryable

    def test_two_conditional_writes_at_once_are_a_conflict(self) -> None:
        with serving(always(409, "ConditionalRequestConflict")) as endpoint, pytest.raises(Conflict):
            S3Store("bucket", client=client_of(endpoint)).create("key", b"x")

    @pytest.mark.parametrize("name", ["read", "list", "write", "create", "replace", "put_file", "delete", "local_file"])
    def test_a_bucket_that_does_not_exist_is_said_as_such(self, name: str, s3_server: Any, tmp_path: Path) -> None:
        store = S3Store("no-such-bucket", client=s3_server.client())
        with pytest.raises(StoreError, match="create it") as caught:
            ACTIONS[NAMES.index(name)](store, tmp_path)
        assert not isinstance(caught.value, KeyNotFound | Conflict)
        assert not caught.value.retryable

    def test_missing_credentials_are_said(
        self, s3_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
        with pytest.raises(StoreError, match="no AWS credentials: set AWS_ACCESS_KEY_ID"):
            S3Store("bucket").read("key")

    def test_secrets_are_in_no_message(self) -> None:
        with serving(always(403, "SignatureDoesNotMatch")) as endpoint, pytest.raises(StoreError) as caught:
            S3Store("bucket", client=client_of(endpoint)).write("key", b"x")
        assert "test" not in str(caught.value)


class TestForeignBuckets:
    def test_objects_that_others_put_there_are_listed_and_read(self, s3_server: Any) -> None:
        bucket, client = s3_server.new_bucket(), s3_server.client()
        for key in ("landing/", "landing/2013/", "landing/2013/01.csv", "landing-old/01.csv"):
            client.put_object(Bucket=bucket, Key=key, Body=b"a,b\n")
        store = S3Store(bucket, "landing", client=client)
        assert [entry.key for entry in store.list()] == ["2013/01.csv"]
        assert store.read("2013/01.csv") == b"a,b\n"

    def test_a_file_that_changes_while_it_is_read_is_worth_another_try(self, s3_server: Any) -> None:
        bucket, client = s3_server.new_bucket(), s3_server.client()
        store = S3Store(bucket, client=client)
        large = bytes(40 * 1024 * 1024)
        store.write("key", large)

        def overwrite(**_: object) -> None:
            client.meta.events.unregister("before-call.s3.GetObject", overwrite)
            s3_server.client().put_object(Bucket=bucket, Key="key", Body=large + b"1")

        client.meta.events.register("before-call.s3.GetObject", overwrite)
        with pytest.raises(StoreUnavailable, match="replaced while it was read"), store.local_file("key"):
            pytest.fail("half old, half new")
        with store.local_file("key") as path:
            assert path.stat().st_size == len(large) + 1
