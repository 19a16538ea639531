from __future__ import annotations

import json
import os
import tempfile
import urllib.request
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from perennial.preflight import Fault, NotReady, check_store
from perennial.store import LocalStore
from perennial.store.s3 import S3Store
from tests.conftest import S3Server, running_s3_server
from tests.http_server import serving

pytestmark = pytest.mark.integration


def s3(endpoint: str, key: str = "test", secret: str = "test") -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=2, proxies={}),
    )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for rights, as Amazon's does, with a bucket `rows`."""
    with running_s3_server(tmp_path_factory.mktemp("guarded")) as server:
        server.client().create_bucket(Bucket="rows")
        yield server


def client_with(server: S3Server, *actions: str) -> Any:
    """Give a new user those rights, and no others."""
    allow(server, True)
    iam = boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
        config=Config(proxies={}),
    )
    name = "-".join(actions).replace(":", ".")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    allow(server, False)
    return s3(server.endpoint, made["AccessKeyId"], made["SecretAccessKey"])


def allow(server: S3Server, everything: bool) -> None:
    request = urllib.request.Request(
        f"{server.endpoint}/moto-api/reset-auth",
        data=b"inf" if everything else b"0",
        headers={"Content-Type": "text/plain"},
    )
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()


def test_a_good_bucket_passes_and_is_left_as_it_was(s3_server):
    store = S3Store(s3_server.new_bucket(), "prefix", client=s3_server.client())
    assert "lists, reads, writes and deletes; clock within" in check_store(store)
    assert not list(store.list())


def test_a_good_folder_passes(tmp_path):
    assert "writes and deletes" in check_store(LocalStore(tmp_path / "not" / "there"))


def test_a_bucket_that_is_not_there_is_named(s3_server):
    with pytest.raises(Fault, match="s3://nobodys: the bucket does not exist: create it") as raised:
        check_store(S3Store("nobodys", client=s3_server.client()))
    assert not raised.value.retryable


@pytest.mark.parametrize(
    ("rights", "action"),
    [
        (("s3:PutObject",), "list"),
        (("s3:ListBucket", "s3:GetObject"), "write"),
        (("s3:ListBucket", "s3:PutObject", "s3:DeleteObject"), "read"),
        (("s3:ListBucket", "s3:PutObject", "s3:GetObject"), "delete"),
    ],
)
def test_a_right_that_is_missing_is_named(guarded, rights, action):
    store = S3Store("rows", client=client_with(guarded, *rights))
    with pytest.raises(Fault, match=rf"cannot {action} in s3://rows: .*access is denied: .*s3:ListBucket") as raised:
        check_store(store)
    assert not raised.value.retryable


def test_a_key_that_nobody_knows_is_told_from_a_right(guarded):
    allow(guarded, False)
    with pytest.raises(Fault, match="does not know the access key"):
        check_store(S3Store("rows", client=s3(guarded.endpoint, "another", "secret")))


def test_an_endpoint_where_nobody_is_may_still_be_starting():
    with pytest.raises(NotReady, match=r"S3 does not answer: .*127.0.0.1:9/"):
        check_store(S3Store("rows", client=s3("http://127.0.0.1:9")))


def test_clocks_apart_are_said_with_both_times(tmp_path):
    with running_s3_server(tmp_path, CLOCK_AHEAD_S="-300") as server:
        store = S3Store(server.new_bucket(), client=server.client())
        with pytest.raises(Fault, match=r"it is \d{4}-.* UTC here and .* UTC at s3://test-\w+, \d+ seconds earlier"):
            check_store(store)
        assert not list(store.list())


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"<html>Not found</html>"), (200, b"<html>Welcome</html>"), (200, b'{"status": "ok"}')]
)
def test_an_endpoint_that_is_no_s3_server_is_said(status, body):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    with serving(Handler) as url, pytest.raises(Fault, match="check AWS_ENDPOINT_URL"):
        check_store(S3Store("rows", client=s3(url)))


def test_a_server_that_ignores_conditions_is_refused(tmp_path):
    class Careless(LocalStore):
        def replace(self, key: str, data: bytes, expected: str) -> str:
            return self.write(key, data)

    with pytest.raises(Fault, match="ignores the conditions If-Match"):
        check_store(Careless(tmp_path))
    assert not list(LocalStore(tmp_path).list())


def test_a_folder_that_cannot_be_written_is_said():
    with pytest.raises(Fault, match="cannot write in file:///proc/perennial: "):
        check_store(LocalStore("/proc/perennial"))


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_folder_without_rights_is_said():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        os.seteuid(65534)
        try:
            with pytest.raises(Fault, match=r"cannot write in file://.*no permission: give this user the rights"):
                check_store(LocalStore(folder))
        finally:
            os.seteuid(0)
