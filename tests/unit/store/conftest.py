"""Every adapter, for the contract that all of them keep."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from perennial.store import LocalStore, Store
from perennial.store.s3 import S3Store


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store: a local folder, and a prefix of a bucket on a real S3 server."""
    if request.param == "local":
        return LocalStore(tmp_path / "store")
    # Where S3Store keeps its scratch folders: other tests' may not be among them.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    server = request.getfixturevalue("s3_server")
    return S3Store(server.new_bucket(), "some/prefix", client=server.client(max_pool_connections=20))


@pytest.fixture
def in_another_process(store: Store, request: pytest.FixtureRequest) -> Callable[..., subprocess.Popen[str]]:
    """Start other_process.py with the store's URI and further arguments; its output is text."""
    environment = dict(os.environ)
    if store.uri.startswith("s3:"):
        environment |= request.getfixturevalue("s3_server").environment

    def start(*arguments: object) -> subprocess.Popen[str]:
        script = Path(__file__).with_name("other_process.py")
        command = [sys.executable, str(script), store.uri, *map(str, arguments)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    return start
