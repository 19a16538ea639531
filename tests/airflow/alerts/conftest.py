"""Servers that take messages, over real sockets: SMTP, and HTTP for Slack's webhooks and everybody's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

if TYPE_CHECKING:
    from perennial.spec.alerts import Alerts
    from perennial_airflow.alerts.events import Event

PASSWORD = "hush-hush-password"
TOKEN = "T0001/B0002/hush-hush-token"
PATH = "hooks/hush-hush-path"


@dataclass
class MailServer:
    """What it took, and what it answers."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients.append(envelope.rcpt_tos)
        return self.answer

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        self.logins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=login.password.decode() == PASSWORD)


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class WebServer:
    """What it took, and what it answers: a status, or None to let the client wait."""

    port: int
    requests: list[Request] = field(default_factory=list)
    status: int | None = 200
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def bodies(self) -> list[Any]:
        return [request.body for request in self.requests]


@pytest.fixture
def mail_server(free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """An SMTP server that wants a login; the connection `smtp_default` leads to it."""
    server = MailServer(free_port())
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        authenticator=server.authenticate,
        auth_require_tls=False,
        auth_required=True,
    )
    controller.start()
    connect_mail(monkeypatch, server.port)
    yield server
    controller.stop()


def connect_mail(monkeypatch: pytest.MonkeyPatch, port: int, **extra: Any) -> None:
    """Set the connection `smtp_default`."""
    extra = {"from_email": "perennial@example.com", "disable_ssl": True, "disable_tls": True} | extra
    monkeypatch.setenv(
        "AIRFLOW_CONN_SMTP_DEFAULT",
        json.dumps(
            {
                "conn_type": "smtp",
                "host": "127.0.0.1",
                "port": port,
                "login": "perennial",
                "password": PASSWORD,
                "extra": extra,
            }
        ),
    )


@pytest.fixture
def web_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """An HTTP server; the connections `slack_default` and `ops_webhook` lead to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if server.status is None:
                server.ended.wait(30)
                return
            if server.status == 200:
                server.requests.append(Request(self.path, dict(self.headers), body))
            self.send_response(server.status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments: Any) -> None: ...

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = WebServer(listener.server_port)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    connect_slack(monkeypatch, server.port)
    connect_webhook(monkeypatch, server.port)
    yield server
    server.ended.set()
    listener.shutdown()
    listener.server_close()
    thread.join()


def connect_slack(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Set the connection `slack_default`."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_SLACK_DEFAULT",
        json.dumps({"conn_type": "slackwebhook", "host": f"http://127.0.0.1:{port}/services", "password": TOKEN}),
    )


def connect_webhook(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Set the connection `ops_webhook`."""
    connection = {
        "conn_type": "http",
        "host": f"http://127.0.0.1:{port}/{PATH}",
        "login": "perennial",
        "password": PASSWORD,
        "extra": {"X-Team": "ops"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_OPS_WEBHOOK", json.dumps(connection))


def start_sender(store: Path, alerts: Alerts, event: Event) -> subprocess.Popen[str]:
    """Start a process that tells the event, with the connections of this one."""
    script = Path(__file__).with_name("sender_process.py")
    return subprocess.Popen(
        [sys.executable, script, store, alerts.model_dump_json(), event.model_dump_json()],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
