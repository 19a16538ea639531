"""PERENNIAL_STORE names the store; one on S3 is reached as the connection or the environment says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perennial.store import LocalStore
from perennial.store.s3 import S3Store
from perennial_airflow.hooks.store import StoreHook

if TYPE_CHECKING:
    from tests.conftest import S3Server

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]


def test_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PERENNIAL_STORE", str(tmp_path / "store"))
    store = StoreHook("m", None).open()

    store.write("m/runs/r/verdict.json", b"{}")

    assert isinstance(store, LocalStore)
    assert (tmp_path / "store" / "m" / "runs" / "r" / "verdict.json").read_bytes() == b"{}"


@pytest.mark.integration
def test_s3(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> None:
    bucket = s3_server.new_bucket()
    for name, value in (s3_server.environment | {"PERENNIAL_STORE": f"s3://{bucket}/perennial"}).items():
        monkeypatch.setenv(name, value)
    store = StoreHook("m", None).open()

    store.write("m/runs/r/verdict.json", b"{}")

    assert isinstance(store, S3Store)
    body = s3_server.client().get_object(Bucket=bucket, Key="perennial/m/runs/r/verdict.json")["Body"]
    assert body.read() == b"{}"
