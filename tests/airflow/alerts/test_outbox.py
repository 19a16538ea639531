"""A message is sent once, whoever else wants to, and again where nobody knows whether it was."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perennial.spec.alerts import Alerts
from perennial.store import LocalStore, open_store
from perennial_airflow.alerts.events import Event
from perennial_airflow.alerts.outbox import Message, Outbox
from perennial_airflow.alerts.sending import KEPT_FOR, tell
from tests.airflow.alerts.conftest import start_sender

if TYPE_CHECKING:
    from perennial.store.protocol import Store
    from tests.airflow.alerts.conftest import WebServer
    from tests.conftest import S3Server

pytestmark = [pytest.mark.airflow, pytest.mark.integration, pytest.mark.usefixtures("airflow_home")]

EVENT = Event(name="promoted", model="orders", key="run-1 v7", at=datetime.now(UTC), reason="All gates passed.")
MESSAGE = Message(event=EVENT, channel="webhook")
WEBHOOK = Alerts(events=("promoted",), webhook={"connection": "ops_webhook"})


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path / "store")
    server: S3Server = request.getfixturevalue("s3_server")
    return open_store(f"s3://{server.new_bucket()}/perennial", s3=server.client())


def test_whoever_comes_again_sends_nothing(store: Store, web_server: WebServer) -> None:
    for later in range(3):
        again = EVENT.model_copy(update={"at": EVENT.at + timedelta(minutes=later)})
        tell(store, "orders", WEBHOOK, [again])

    assert len(web_server.requests) == 1
    assert list(store.list("orders/alerts/pending/")) == []


def test_another_event_is_another_message(store: Store, web_server: WebServer) -> None:
    tell(store, "orders", WEBHOOK, [EVENT, EVENT.model_copy(update={"key": "run-2 v8"})])

    assert len({body["id"] for body in web_server.bodies}) == 2


def test_of_many_senders_at_once_one_sends(store: Store, web_server: WebServer) -> None:
    at_once = threading.Barrier(6)

    def send() -> None:
        at_once.wait()
        for _ in range(3):
            tell(store, "orders", WEBHOOK, [EVENT])

    senders = [threading.Thread(target=send) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert len(web_server.requests) == 1
    assert list(store.list("orders/alerts/pending/")) == []


def test_of_two_processes_at_once_one_sends(tmp_path: Path, web_server: WebServer) -> None:
    senders = [start_sender(tmp_path / "shared", WEBHOOK, EVENT) for _ in range(2)]

    outputs = [sender.communicate(timeout=120)[0] for sender in senders]

    assert [sender.returncode for sender in senders] == [0, 0]
    assert len(web_server.requests) == 1
    assert "".join(outputs).count("was sent by webhook") == 1


def test_what_another_is_sending_is_left_to_it(store: Store, web_server: WebServer) -> None:
    outbox = Outbox(store, "orders")
    outbox.put(MESSAGE)
    assert outbox.take(MESSAGE) is not None

    tell(store, "orders", WEBHOOK, [EVENT])

    assert web_server.requests == []


def test_what_a_killed_sender_left_is_sent(
    store: Store, web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(store, "orders")
    outbox.put(MESSAGE)
    monkeypatch.setattr("perennial_airflow.alerts.outbox.TAKEN_FOR", timedelta(0))
    assert outbox.take(MESSAGE) is not None

    tell(store, "orders", WEBHOOK, [])

    assert len(web_server.requests) == 1


def test_what_cannot_be_sent_for_a_week_is_given_up(
    store: Store, web_server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    web_server.status = 404
    old = EVENT.model_copy(update={"at": datetime.now(UTC) - KEPT_FOR - timedelta(hours=1)})

    tell(store, "orders", WEBHOOK, [old])

    assert "It is 7 days old and is not tried again." in caplog.text
    assert list(store.list("orders/alerts/")) == []


def test_a_damaged_message_is_named_and_does_not_hold_up_the_others(
    store: Store, web_server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = MESSAGE.model_copy(update={"event": EVENT.model_copy(update={"key": "run-0 v6"})})
    Outbox(store, "orders").put(damaged)
    key = f"orders/alerts/pending/{damaged.name}"
    store.write(key, store.read(key)[:-20])

    tell(store, "orders", WEBHOOK, [EVENT])

    assert len(web_server.requests) == 1
    assert f"{key} is damaged" in caplog.text


def test_a_channel_that_left_the_spec_is_told_nothing_more(store: Store, web_server: WebServer) -> None:
    web_server.status = 500
    tell(store, "orders", WEBHOOK, [EVENT])
    web_server.status = 200

    tell(store, "orders", Alerts(events=("promoted",), slack={}), [])

    assert web_server.requests == []
    assert list(store.list("orders/alerts/")) == []
