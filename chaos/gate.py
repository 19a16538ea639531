"""A proxy between the stack and its S3. While the file /tmp/full exists, it refuses requests that write.

It answers like a full S3 server, since the way to fill a server differs from vendor to vendor. `python gate.py HOST
PORT`
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FULL = Path("/tmp/full")
REFUSAL = b"<Error><Code>InsufficientStorage</Code><Message>the bucket's quota is used up</Message></Error>"
# Timeout of a connection, not of a request.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Gate(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    upstream: tuple[str, int]

    def answer(self) -> None:
        """Forward the request, or refuse it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command in {"PUT", "POST"} and FULL.exists():
            self._send(507, [("Content-Type", "application/xml")], REFUSAL)
            return
        s3 = HTTPConnection(*self.upstream, timeout=60)
        try:
            s3.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # including Host, which is part of the signature
                s3.putheader(name, value)
            s3.endheaders(body or None)
            answer = s3.getresponse()
            self._send(answer.status, answer.getheaders(), answer.read(), answer.getheader("Content-Length"))
        except OSError:
            self.close_connection = True  # as if S3 itself did not answer
        finally:
            s3.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", (length or "0") if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


if __name__ == "__main__":
    Gate.upstream = (sys.argv[1], int(sys.argv[2]))
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), Gate).serve_forever()
