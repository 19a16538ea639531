"""What arrives at a mail server, at Slack and at a webhook, and what is said where nothing can."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perennial.spec.alerts import Alerts
from perennial.store import LocalStore
from perennial_airflow.alerts.events import Event
from perennial_airflow.alerts.sending import tell
from tests.airflow.alerts.conftest import (
    PASSWORD,
    PATH,
    TOKEN,
    connect_mail,
    connect_slack,
    connect_webhook,
    start_sender,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.airflow.alerts.conftest import MailServer, WebServer

pytestmark = [pytest.mark.airflow, pytest.mark.integration, pytest.mark.usefixtures("airflow_home")]

EVENT = Event(
    name="rejected",
    model="orders",
    key="run-1 v7",
    at=datetime.now(UTC).replace(microsecond=0),
    reason="Rejected: roc_auc 0.5 < 0.6 & log_loss is > 1.",
    facts={"version": "7", "champion": None},
    links={"Airflow run": "http://airflow.example/dags/orders.retrain/runs/run-1"},
)
EVENTS = ("rejected",)
MAIL = Alerts(events=EVENTS, email={"to": ["ops@example.com", "desk@example.com"]})
SLACK = Alerts(events=EVENTS, slack={})
WEBHOOK = Alerts(events=EVENTS, webhook={"connection": "ops_webhook"})


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def waiting(store: LocalStore) -> int:
    return len(list(store.list("orders/alerts/pending/")))


def test_a_mail_has_the_reason_and_the_links_in_plain_text_and_in_html(
    store: LocalStore, mail_server: MailServer
) -> None:
    tell(store, "orders", MAIL, [EVENT])

    (mail,) = mail_server.mails
    text, page = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert mail_server.recipients == [["ops@example.com", "desk@example.com"]]
    assert mail_server.logins == [("perennial", PASSWORD)]
    assert mail["Subject"] == "[perennial] orders: candidate rejected"
    assert mail["From"] == "perennial@example.com"
    assert "Rejected: roc_auc 0.5 < 0.6 & log_loss is > 1." in text
    assert "Airflow run: http://airflow.example/dags/orders.retrain/runs/run-1" in text
    assert f"noticed: {EVENT.at:%Y-%m-%d %H:%M:%S} UTC" in text
    assert "champion" not in text
    assert "Rejected: roc_auc 0.5 &lt; 0.6 &amp; log_loss is &gt; 1." in page
    assert '<a href="http://airflow.example/dags/orders.retrain/runs/run-1">Airflow run</a>' in page
    assert EVENT.digest in mail["Message-ID"]


def test_slack_gets_what_its_webhooks_take(store: LocalStore, web_server: WebServer) -> None:
    tell(store, "orders", SLACK, [EVENT])

    (request,) = web_server.requests
    title, links, facts = request.body["blocks"]
    assert request.path == f"/services/{TOKEN}"
    assert request.body["text"].startswith("orders: candidate rejected. Rejected: roc_auc 0.5 &lt; 0.6 &amp; log_loss")
    assert title["text"]["text"].startswith("*orders: candidate rejected*\nRejected: ")
    assert links["text"]["text"] == "<http://airflow.example/dags/orders.retrain/runs/run-1|Airflow run>"
    assert facts["elements"][0]["text"] == f"version: 7 | noticed: {EVENT.at:%Y-%m-%d %H:%M:%S} UTC"


def test_a_webhook_gets_the_event_as_json_with_the_connections_login_and_headers(
    store: LocalStore, web_server: WebServer
) -> None:
    tell(store, "orders", WEBHOOK, [EVENT])

    (request,) = web_server.requests
    assert request.path == f"/{PATH}"
    assert request.headers["X-Team"] == "ops"
    assert request.headers["Authorization"].startswith("Basic ")
    assert request.body == {
        "id": EVENT.digest,
        "title": "orders: candidate rejected",
        "name": "rejected",
        "model": "orders",
        "at": f"{EVENT.at:%Y-%m-%dT%H:%M:%SZ}",
        "reason": EVENT.reason,
        "facts": {"version": "7", "champion": None},
        "links": EVENT.links,
    }


def test_what_the_spec_does_not_want_to_be_told_is_not_sent(store: LocalStore, web_server: WebServer) -> None:
    tell(store, "orders", Alerts(events=("promoted",), slack={}), [EVENT])

    assert web_server.requests == []
    assert waiting(store) == 0


def test_what_a_dead_server_missed_is_sent_with_the_next_event(
    store: LocalStore, web_server: WebServer, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    connect_slack(monkeypatch, free_port())
    tell(store, "orders", SLACK, [EVENT])
    assert waiting(store) == 1
    connect_slack(monkeypatch, web_server.port)

    tell(store, "orders", SLACK, [])

    assert [body["blocks"][0]["text"]["text"].splitlines()[0] for body in web_server.bodies] == [
        "*orders: candidate rejected*"
    ]
    assert waiting(store) == 0


def test_a_server_that_stumbles_is_tried_again_at_once(store: LocalStore, web_server: WebServer) -> None:
    import threading

    web_server.status = 503
    threading.Timer(0.3, lambda: setattr(web_server, "status", 200)).start()

    tell(store, "orders", WEBHOOK, [EVENT])

    assert len(web_server.requests) == 1


@pytest.mark.parametrize(
    ("alerts", "environment", "words"),
    [
        (
            SLACK,
            {"AIRFLOW_CONN_SLACK_DEFAULT": None},
            "add it under Admin > Connections, or set AIRFLOW_CONN_SLACK_DEFA",
        ),
        (SLACK, {"AIRFLOW_CONN_SLACK_DEFAULT": '{"conn_type": "slackwebhook"}'}, "does not contain password"),
        (WEBHOOK, {"AIRFLOW_CONN_OPS_WEBHOOK": '{"conn_type": "http"}'}, "the connection has no host"),
        (MAIL, {"AIRFLOW_CONN_SMTP_DEFAULT": None}, "set AIRFLOW_CONN_SMTP_DEFAULT"),
    ],
)
def test_a_connection_that_cannot_be_used_is_named_and_the_message_waits(
    store: LocalStore,
    web_server: WebServer,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    alerts: Alerts,
    environment: dict[str, str | None],
    words: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)

    tell(store, "orders", alerts, [EVENT])

    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.startswith("orders: the event 'rejected' was not sent by ")
    assert words in warning
    assert waiting(store) == 1


def test_a_mail_connection_without_a_sender_says_so(
    store: LocalStore, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connect_mail(monkeypatch, mail_server.port, from_email="")

    tell(store, "orders", MAIL, [EVENT])

    assert 'add "from_email" to its extra' in caplog.text


@pytest.mark.parametrize("trouble", ["refuses", "does not answer", "is away"])
def test_neither_logs_nor_store_have_passwords_tokens_or_addresses(
    tmp_path: Path,
    store: LocalStore,
    web_server: WebServer,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    free_port: Callable[[], int],
    trouble: str,
) -> None:
    web_server.status = None if trouble == "does not answer" else 404
    mail_server.answer = f"554 no, {PASSWORD}"
    if trouble == "is away":
        connect_slack(monkeypatch, free_port())
        connect_webhook(monkeypatch, free_port())
    everywhere = Alerts(events=EVENTS, slack={}, email=MAIL.email, webhook=WEBHOOK.webhook)

    sender = start_sender(tmp_path / "store", everywhere, EVENT)
    output, _ = sender.communicate(timeout=120)

    assert sender.returncode == 0
    assert output.count("the event 'rejected' was not sent by ") == 3
    assert waiting(store) == 3
    kept = "".join(store.read(item.key).decode() for item in store.list("orders/"))
    for secret in (PASSWORD, TOKEN, PATH):
        assert secret not in output + kept


def test_servers_that_never_answer_hold_nobody_up_for_long(
    store: LocalStore, web_server: WebServer, free_port: Callable[[], int]
) -> None:
    web_server.status = None
    began = time.monotonic()

    tell(store, "orders", Alerts(events=EVENTS, slack={}, webhook=WEBHOOK.webhook), [EVENT])

    assert time.monotonic() - began < 15
    assert waiting(store) == 2
