"""A login in the address of MLflow's server goes with every request, and into no message."""

from __future__ import annotations

import base64
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from perennial.errors import TrackingError
from perennial.registry.direct import NotDirect, find_alias_holder
from perennial.registry.tracking import Tracker
from tests.mlflow_server import running_mlflow

pytestmark = pytest.mark.integration

LOGIN = "Basic " + base64.b64encode(b"anna:s3cr/t@").decode()


def behind_a_login(server: str) -> type[BaseHTTPRequestHandler]:
    """Hand on to the server what comes with the login; answer 401 to all else."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, content = 401, [], b""
            if self.headers.get("Authorization") == LOGIN:
                behind = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
                sent = {**self.headers, "Host": urlsplit(server).netloc, "Connection": "close"}
                behind.request(self.command, self.path, body, sent)
                answer = behind.getresponse()
                status, headers, content = answer.status, answer.getheaders(), answer.read()
                behind.close()
            self.send_response(status)
            for name, value in headers:
                if name.lower() == "content-type":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = hand_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler


@pytest.fixture(scope="module")
def place(mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of an MLflow server behind a login."""
    folder = tmp_path_factory.mktemp("mlflow-login")
    (folder / "mlflow.db").write_bytes(mlflow_template.read_bytes())
    with running_mlflow(folder, database=f"sqlite:///{folder}/mlflow.db", artifacts=folder / "files") as server:
        proxy = ThreadingHTTPServer(("127.0.0.1", 0), behind_a_login(server))
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{proxy.server_port}"
        proxy.shutdown()
        proxy.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _another_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bert")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "another")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_it_goes_with_runs_models_and_artifacts_before_that_of_the_environment(place: str, tmp_path: Path) -> None:
    tracker = Tracker(f"http://anna:s3cr%2Ft%40@{place}")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "file").write_text("content")

    experiment = tracker.experiment_id("perennial/login")
    run = tracker.start_run(experiment, "first", {})
    tracker.log_metrics(run, {"auc": 0.5})
    tracker.log_text(run, "text", "a.txt")
    model = tracker.client.create_logged_model(experiment, name="m", source_run_id=run)
    tracker.log_model_folder(model.model_id, tmp_path / "model")
    tracker.download_files(f"models:/{model.model_id}", ["file"], tmp_path)
    fetched = tmp_path / "file"

    assert fetched.read_text() == "content"
    assert "s3cr" not in tracker.client.get_run(run).info.artifact_uri


def test_a_refusal_does_not_show_it(place: str) -> None:
    with pytest.raises(TrackingError) as caught:
        Tracker(f"http://anna:wr0ng@{place}").experiment_id("perennial/login")

    assert place in str(caught.value)
    assert "wr0ng" not in str(caught.value)


def test_it_goes_with_what_is_asked_without_the_client(place: str) -> None:
    assert find_alias_holder(f"http://anna:s3cr%2Ft%40@{place}", "nothing", "champion") is None
    with pytest.raises(NotDirect):
        find_alias_holder(f"http://anna:wr0ng@{place}", "nothing", "champion")
    with pytest.raises(NotDirect):
        find_alias_holder(f"http://{place}", "nothing", "champion")


def test_one_of_the_environment_is_sent_where_the_address_has_none(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "anna")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cr/t@")
    assert find_alias_holder(f"http://{place}", "nothing", "champion") is None
