from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest

from perennial.preflight import Fault, NotReady, check_tracking
from tests.http_server import serving
from tests.mlflow_server import running_mlflow

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(mlflow_template, s3_server, tmp_path_factory):
    """A server whose bucket for artifacts is `mlflow-of-preflight`; nobody has made it yet."""
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "mlflow.db").write_bytes(mlflow_template.read_bytes())
    with running_mlflow(
        folder,
        database=f"sqlite:///{folder / 'mlflow.db'}",
        artifacts="s3://mlflow-of-preflight/",
        options=("--allowed-hosts", "127.0.0.1:*"),
        **s3_server.environment,
        MLFLOW_S3_ENDPOINT_URL=s3_server.endpoint,
    ) as address:
        yield address


def test_a_server_without_its_bucket_is_said_and_with_it_passes(server, s3_server):
    with pytest.raises(NotReady, match=r"cannot look into its artifact storage .*--artifacts-destination"):
        check_tracking(server)
    s3_server.client().create_bucket(Bucket="mlflow-of-preflight")
    assert check_tracking(server) == f"{server} answers; its artifact storage too; clock within 1 s of ours"


def test_a_name_that_mlflow_refuses_is_told_from_a_login(server):
    port = urlsplit(server).port
    with pytest.raises(
        Fault, match=rf"refuses the name by which it is called: start it with --allowed-hosts 'localhost:{port}'"
    ):
        check_tracking(f"http://localhost:{port}")


def test_an_address_where_nobody_is_may_still_be_starting_and_shows_no_password():
    with pytest.raises(NotReady, match="MLFLOW_TRACKING_URI") as raised:
        check_tracking("http://someone:secret@127.0.0.1:9")
    assert "secret" not in str(raised.value)


def test_a_database_file_passes(mlflow_uri):
    assert check_tracking(mlflow_uri) == f"{mlflow_uri} answers"


def answering(status: int, body: bytes, *, ahead_s: float = 0) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (200, b"<html>Hello</html>", Fault, "is not MLflow .*200 <html>Hello</html>.*MLFLOW_TRACKING_URI"),
        (404, b"nothing", Fault, "is not MLflow"),
        (401, b"You are not authenticated", Fault, "refuses us .*MLFLOW_TRACKING_USERNAME"),
        (500, b"no database", NotReady, "fails .*no database"),
    ],
)
def test_what_answers_but_is_no_mlflow_for_us_is_said(status, body, error, message):
    with serving(answering(status, body)) as url, pytest.raises(error, match=message) as raised:
        check_tracking(url)
    assert raised.value.retryable == (error is NotReady)


def test_clocks_apart_are_a_fault():
    with (
        serving(answering(200, b"{}", ahead_s=120)) as url,
        pytest.raises(Fault, match=r"clocks apart: .* 1\d\d seconds later"),
    ):
        check_tracking(url)
