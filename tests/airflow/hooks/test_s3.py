"""Whoever asks for S3 gets the client that its connection has, made once as long as the connection says the same."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest

from perennial_airflow.hooks import s3
from perennial_airflow.hooks.s3 import s3_client

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]


def _connect(monkeypatch: pytest.MonkeyPatch, name: str, key: str) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", f"aws://{key}:secret-{key}@?region_name=eu-west-1")


def _key(region: str | None) -> str:
    return str(s3_client(region)._request_signer._credentials.access_key)


def test_who_asks_again_gets_the_same_client(monkeypatch: pytest.MonkeyPatch) -> None:
    _connect(monkeypatch, "aws_default", "first-key")

    assert s3_client(None) is s3_client(None)
    assert s3_client("eu") is s3_client(None)


def test_a_key_that_was_changed_is_used_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _connect(monkeypatch, "aws_default", "first-key")
    assert _key(None) == "first-key"

    _connect(monkeypatch, "aws_default", "second-key")

    assert _key(None) == "second-key"


def test_a_region_has_its_own_key_before_everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    _connect(monkeypatch, "aws_default", "everybodys-key")
    _connect(monkeypatch, "aws_us_east_1", "us-key")

    assert (_key("us-east-1"), _key("eu"), _key(None)) == ("us-key", "everybodys-key", "everybodys-key")


def test_without_a_connection_a_changed_environment_is_used_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first-key")
    assert _key(None) == "first-key"

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second-key")

    assert _key(None) == "second-key"


def test_a_region_whose_server_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    _connect(monkeypatch, "aws_default", "quick-key")
    _connect(monkeypatch, "aws_us_east_1", "hanging-key")
    make, asked, answered = s3._make, Event(), Event()

    def hang(connection: str | None) -> Any:
        if connection == "aws_us_east_1":
            asked.set()
            assert answered.wait(60)
        return make(connection)

    monkeypatch.setattr(s3, "_make", hang)
    waiting = Thread(target=s3_client, args=("us-east-1",))
    waiting.start()
    try:
        assert asked.wait(60)
        other = Thread(target=s3_client, args=("eu",), daemon=True)
        other.start()
        other.join(30)
        assert not other.is_alive()
    finally:
        answered.set()
        waiting.join()
