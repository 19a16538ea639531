from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from demo.airflow_api import TRIES, AirflowApi
from demo.errors import DemoError

HANGS_UP: tuple[int, dict[str, Any]] = (0, {})
LOCKED = (500, {"detail": {"reason": "Database error", "orig_error": "hidden"}})


@contextmanager
def _server(answers: list[tuple[int, dict[str, Any]]]) -> Iterator[tuple[AirflowApi, list[dict[str, Any]]]]:
    """An HTTP server that logs anybody in, says that DAGs run, and takes its answers to POST from a list."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, {"is_paused": False})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/auth/token":
                return self._answer(201, {"access_token": "t"})
            posted.append(body)
            status, content = answers.pop(0)
            # Without a word: the connection is closed behind this.
            return self._answer(status, content) if status else None

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with AirflowApi(f"http://127.0.0.1:{server.server_port}", user="admin", password="secret") as airflow:
            yield airflow, posted
    finally:
        server.shutdown()
        server.server_close()


def test_a_locked_database_is_asked_again_for_the_same_run() -> None:
    with _server([LOCKED, LOCKED, (200, {})]) as (airflow, posted):
        run_id = airflow.trigger("flight_delay.monitor", {"as_of": "x"})
    assert [body["dag_run_id"] for body in posted] == [run_id] * 3


def test_a_run_that_the_first_try_made_after_all_is_no_error() -> None:
    with _server([LOCKED, (409, {"detail": "exists"})]) as (airflow, posted):
        assert airflow.trigger("flight_delay.monitor", {}) == posted[0]["dag_run_id"]


def test_a_database_that_stays_locked_is_an_error_in_the_end() -> None:
    with _server([LOCKED] * TRIES) as (airflow, _), pytest.raises(DemoError, match=r"refused POST .*500"):
        airflow.trigger("flight_delay.monitor", {})


def test_a_server_that_hangs_up_is_asked_again() -> None:
    with _server([HANGS_UP, (200, {})]) as (airflow, posted):
        airflow.trigger("flight_delay.monitor", {})
    assert len(posted) == 2


def test_a_server_that_keeps_hanging_up_is_an_error_in_the_end() -> None:
    with _server([HANGS_UP] * TRIES) as (airflow, _), pytest.raises(DemoError, match="does not answer POST"):
        airflow.trigger("flight_delay.monitor", {})


def test_another_refusal_is_told_at_once() -> None:
    with _server([(403, {"detail": "no"})]) as (airflow, posted), pytest.raises(DemoError, match="403"):
        airflow.trigger("flight_delay.monitor", {})
    assert len(posted) == 1
