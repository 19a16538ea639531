from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deploy.script import load_script

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).resolve().parents[3]
SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
import durable_s3
from pathlib import Path
served = durable_s3.DurableS3(
    durable_s3.DomainDispatcherApplication(durable_s3.create_backend_app), durable_s3.Accounts(Path(sys.argv[2])),
    Path(sys.argv[3]),
)
durable_s3.run_simple("127.0.0.1", int(sys.argv[4]), served, threaded=True)
"""
s3_init = load_script(REPOSITORY / "docker" / "init" / "s3_init.py")


class Server:
    """The stack's stand-in for S3, with the accounts of the compose file, stopped and started again at will."""

    def __init__(self, folder: Path, accounts: dict[str, Any]) -> None:
        self.folder = folder
        (folder / "s3.json").write_text(json.dumps(accounts))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def start(self) -> None:
        here = str(REPOSITORY / "tests" / "compose" / "s3")
        arguments = [here, str(self.folder / "s3.json"), str(self.folder / "journal"), str(self.port)]
        self.process = subprocess.Popen([sys.executable, "-c", SERVER, *arguments], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2)
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the S3 stand-in does not answer")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def environment(self, **changes: str) -> dict[str, str]:
        """What compose gives s3-init."""
        return {
            "S3_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "S3_REGION": "us-east-1",
            "S3_ADMIN_ACCESS_KEY": "ADMIN", "S3_ADMIN_SECRET_KEY": "x",
            "S3_ACCESS_KEY": "PERENNIAL", "S3_SECRET_KEY": "x",
            "S3_MLFLOW_ACCESS_KEY": "MLFLOW", "S3_MLFLOW_SECRET_KEY": "x",
            "PERENNIAL_STORE": "s3://perennial/store",
            "PERENNIAL_DATA": "s3://landing",
            "AIRFLOW_LOGS": "s3://airflow-logs",
            "MLFLOW_ARTIFACTS": "s3://mlflow",
        } | changes  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    import yaml

    compose = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())
    text = compose["configs"]["s3-accounts"]["content"]
    for name, key in (("S3_ADMIN", "ADMIN"), ("S3_MLFLOW", "MLFLOW"), ("S3", "PERENNIAL")):
        text = text.replace(f"${{{name}_ACCESS_KEY}}", key)
    server = Server(tmp_path_factory.mktemp("s3"), json.loads(text))
    server.start()
    yield server
    server.kill()


def test_missing_buckets_are_made_once_and_outlive_the_server(server: Server, capsys: Any) -> None:
    assert s3_init.main(server.environment()) == 0
    assert capsys.readouterr().out.count("made, and may be used") == 4
    s3_init.client(server.environment(), "S3").put_object(Bucket="landing", Key="a", Body=b"kept")
    server.kill()
    server.start()
    assert s3_init.main(server.environment()) == 0
    assert capsys.readouterr().out.count("there, and may be used") == 4
    kept = s3_init.client(server.environment(), "S3").get_object(Bucket="landing", Key="a")
    assert kept["Body"].read() == b"kept"


def test_nothing_of_a_probe_stays(server: Server) -> None:
    s3_init.main(server.environment())
    found = s3_init.client(server.environment(), "S3").list_objects_v2(Bucket="perennial")
    assert not found.get("Contents")


def test_a_bucket_without_rights_is_named_with_what_is_needed(server: Server, capsys: Any) -> None:
    assert s3_init.main(server.environment(PERENNIAL_STORE="s3://mlflow/store")) == 1
    said = capsys.readouterr().err
    assert "PERENNIAL_STORE=s3://mlflow/store, with S3_ACCESS_KEY" in said
    assert "access is denied" in said


def test_a_missing_bucket_that_may_not_be_made_is_said(server: Server, capsys: Any) -> None:
    limited = server.environment(PERENNIAL_STORE="s3://perennial-two/store", S3_ADMIN_ACCESS_KEY="PERENNIAL")
    assert s3_init.main(limited) == 1
    assert "perennial-two" in capsys.readouterr().err


def test_a_wrong_key_is_said(server: Server, capsys: Any) -> None:
    assert s3_init.main(server.environment(S3_ACCESS_KEY="NOBODY")) == 1
    said = capsys.readouterr().err
    assert "does not know the access key" in said
    assert "NOBODY" not in said


def test_an_address_where_nobody_listens_is_said_once(server: Server, capsys: Any) -> None:
    assert s3_init.main(server.environment(S3_ENDPOINT_URL="http://127.0.0.1:9")) == 1
    assert capsys.readouterr().err.count("http://127.0.0.1:9") >= 1


def test_a_store_in_a_folder_needs_no_bucket(server: Server) -> None:
    given = server.environment(PERENNIAL_STORE=os.fspath(Path("/srv/store")))
    assert [place.variable for place in s3_init.places(given)] == ["PERENNIAL_DATA", "AIRFLOW_LOGS", "MLFLOW_ARTIFACTS"]
