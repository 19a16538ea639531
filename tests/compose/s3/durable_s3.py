"""A stand-in for the stack's S3 server, where its image cannot be had: moto, with what the stack needs of a real one.

Objects outlive the process: every write is in a journal in /data before it is answered, and is repeated at the next start.
PUTs with a condition are atomic. Access keys and what they may do are those of /etc/seaweedfs/s3.json; signatures are not
checked, so it proves which keys are used and what they may, and not that secrets are right.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
from werkzeug.test import EnvironBuilder, run_wsgi_app

JOURNAL = Path("/data/journal")
ACCOUNTS = Path("/etc/seaweedfs/s3.json")
PORT = 8333
WRITES = {"PUT", "POST", "DELETE"}
UPLOAD_ID = re.compile(rb"<UploadId>(.+?)</UploadId>")

Environ = dict[str, Any]


@dataclass(frozen=True)
class Write:
    """A request that changed something, and the id of the upload that it began."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    upload_id: str | None


class Accounts:
    """Who may do what, as SeaweedFS reads it."""

    def __init__(self, path: Path) -> None:
        identities = json.loads(path.read_text())["identities"]
        self._actions = {key["accessKey"]: set(one["actions"]) for one in identities for key in one["credentials"]}

    def refusal(self, environ: Environ) -> str | None:
        """Return S3's error code, or None where the request is allowed."""
        given = environ.get("HTTP_AUTHORIZATION", "") + unquote(environ["QUERY_STRING"])
        found = re.search(r"Credential=([^/]+)/", given)
        if found is None:
            return "AccessDenied"
        actions = self._actions.get(found[1])
        if actions is None:
            return "InvalidAccessKeyId"
        bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
        if not key and environ["REQUEST_METHOD"] in {"PUT", "DELETE"}:
            needed = "Admin"
        elif environ["REQUEST_METHOD"] in WRITES:
            needed = "Write"
        else:
            needed = "Read" if key else "List"
        return None if {"Admin", needed, f"{needed}:{bucket}"} & actions else "AccessDenied"


class DurableS3:
    """The WSGI application."""

    def __init__(self, application: Any, accounts: Accounts, journal: Path) -> None:
        self._application = application
        self._accounts = accounts
        self._one_write_at_a_time = threading.Lock()
        self._upload_ids: dict[str, str] = {}
        for write in _read(journal):
            self._repeat(write)
        self._journal = journal.open("ab")

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"] == "/healthz":
            start_response("200 OK", [("Content-Length", "0")])
            return []
        if code := self._accounts.refusal(environ):
            answer = f"<Error><Code>{code}</Code><Message>refused</Message></Error>".encode()
            start_response("403 Forbidden", [("Content-Type", "text/xml"), ("Content-Length", str(len(answer)))])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer]
        if environ["REQUEST_METHOD"] not in WRITES:
            return self._application(environ, start_response)  # type: ignore[no-any-return]
        length = environ.get("CONTENT_LENGTH")
        body = environ["wsgi.input"].read(int(length)) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        with self._one_write_at_a_time:
            answer, status, headers = _run(self._application, environ)
            if status.startswith("2"):
                self._keep(environ, body, answer)
        start_response(status, headers)
        return [answer]

    def _keep(self, environ: Environ, body: bytes, answer: bytes) -> None:
        began = (
            UPLOAD_ID.search(answer) if "uploads" in parse_qs(environ["QUERY_STRING"], keep_blank_values=True) else None
        )
        sent = [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
        sent.append(("Content-Type", environ.get("CONTENT_TYPE", "")))
        upload_id = began[1].decode() if began else None
        write = Write(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], sent, body, upload_id)
        pickle.dump(write, self._journal)
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def _repeat(self, write: Write) -> None:
        query = write.query
        for old, new in self._upload_ids.items():
            query = query.replace(old, new)
        builder = EnvironBuilder(
            method=write.method, path=write.path, query_string=query, headers=write.headers, data=write.body
        )
        answer, status, _ = _run(self._application, builder.get_environ())
        if not status.startswith("2"):
            print(f"could not repeat {write.method} {write.path}: {status}", flush=True)
        if write.upload_id and (began := UPLOAD_ID.search(answer)):
            self._upload_ids[write.upload_id] = began[1].decode()


def _run(application: Any, environ: Environ) -> tuple[bytes, str, Any]:
    chunks, status, headers = run_wsgi_app(application, environ, buffered=True)
    return b"".join(chunks), status, list(headers)


def _read(journal: Path) -> Iterator[Write]:
    """Yield what was written; cut off the end where the last one was not finished."""
    if not journal.exists():
        return
    with journal.open("r+b") as file:
        while True:
            good = file.tell()
            try:
                yield pickle.load(file)
            except (EOFError, pickle.UnpicklingError):
                file.truncate(good)
                return


if __name__ == "__main__":
    served = DurableS3(DomainDispatcherApplication(create_backend_app), Accounts(ACCOUNTS), JOURNAL)
    run_simple("0.0.0.0", PORT, served, threaded=True)
