"""The wheel of a champion goes to a real package index, once; whatever the index says, the champion stays."""

from __future__ import annotations

import base64
import hashlib
import threading
import zipfile
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from perennial.deployment import Deployment, PackageIndex
from perennial.errors import IndexRefused, IndexUnavailable
from perennial.packages.kept import keep_packages
from perennial.packages.publish import publish
from perennial.places import package_index
from perennial.promotion.records import Promotion
from perennial.run import RetrainingRun
from perennial.stages import STAGES
from perennial.store.local import LocalStore
from tests.package_index import running_index

pytest.importorskip("twine")
PROMOTION = Promotion(name="late", version="3", previous_version="2")
PASSWORD = "open-sesame"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    with running_index(tmp_path_factory.mktemp("index")) as server:
        yield server


@pytest.fixture
def make_run(make_spec, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def make(index: PackageIndex | None) -> RetrainingRun:
        spec = make_spec(packages=["wheel"], publish={"connection": "company"})
        deployment = Deployment(
            store=LocalStore(tmp_path / "store"), tracking_uri="", data_root="", package_index=index
        )
        return RetrainingRun(spec=spec, deployment=deployment, run_id="r", now=datetime(2026, 1, 1, tzinfo=UTC))

    return make


@pytest.fixture
def packaged(make_run, tmp_path):
    wheel = tmp_path / "late-1.0.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("late/__init__.py", "")
        archive.writestr("late-1.0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: late\nVersion: 1.0.1\n")
        archive.writestr("late-1.0.1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("late-1.0.1.dist-info/RECORD", "")
    return keep_packages(make_run(None).store, "late", "mlflow-run", "bundle", {"wheel": wheel})


def test_the_index_gets_the_wheel_that_was_rehearsed_and_keeps_it_when_it_is_sent_again(index, make_run, packaged):
    run = make_run(PackageIndex(index.url, "worker", PASSWORD))

    first = publish(run, packaged, PROMOTION)
    again = publish(run, packaged, PROMOTION)

    (there,) = index.folder.iterdir()
    assert hashlib.sha256(there.read_bytes()).hexdigest() == packaged.made[0].digest == first.digest
    assert first == again
    assert first.index == index.url


class Refusing(BaseHTTPRequestHandler):
    """An index that wants another login."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(403, f"no rights for {self.headers['Authorization']}")

    def log_message(self, *_):
        pass


def test_a_refusal_says_who_refuses_what_and_that_the_champion_stays(make_run, packaged):
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        with pytest.raises(IndexRefused) as refused:
            publish(make_run(PackageIndex(url, "worker", PASSWORD)), packaged, PROMOTION)
        server.shutdown()
    assert not isinstance(refused.value, IndexUnavailable)
    said = str(refused.value)
    assert f"{url} refuses late-1.0.1-py3-none-any.whl, and version 3 of late stays champion" in said
    assert "403" in said
    assert PASSWORD not in said
    assert base64.b64encode(f"worker:{PASSWORD}".encode()).decode() not in said


def test_an_index_that_does_not_answer_is_asked_again(make_run, packaged):
    with pytest.raises(IndexUnavailable, match="does not answer"):
        publish(make_run(PackageIndex("http://127.0.0.1:1/")), packaged, PROMOTION)
    assert IndexUnavailable.retryable
    assert not IndexRefused.retryable


def test_without_an_index_or_a_wheel_it_says_what_to_set(make_run, packaged, monkeypatch):
    with pytest.raises(IndexRefused, match=r"TWINE_REPOSITORY_URL.*connection 'company'"):
        publish(make_run(None), packaged, PROMOTION)
    with pytest.raises(IndexRefused, match="no wheel of this run"):
        publish(make_run(None), None, PROMOTION)
    run = make_run(None)
    assert STAGES["publish"].why_not(run, packaged, PROMOTION) == ""
    assert STAGES["publish"].why_not(run, packaged, None).startswith("Nothing was promoted")
    monkeypatch.setenv("TWINE_REPOSITORY_URL", "https://index.example/")
    monkeypatch.setenv("TWINE_USERNAME", "worker")
    found = package_index()
    assert (found.url, found.username, found.password) == ("https://index.example/", "worker", "")
    assert "example" not in repr(found)
